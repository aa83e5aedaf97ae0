//! Which path is answered by whom.

use std::collections::{HashMap, HashSet};

use prost::Message;
use prost_types::FileDescriptorSet;

use crate::native::{NativeMethod, NATIVE_METHODS};
use crate::options::{DoorOptions, StartError};
use crate::system::SystemMethod;

/// Who answers a path.
#[derive(Clone)]
pub(crate) enum Route {
    /// The engine.
    Native(&'static NativeMethod),
    /// The services behind the door.
    Through(Through),
    /// The door itself, whether it serves or not.
    System(SystemMethod),
}

/// A way through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Through {
    /// Uses the connections and the limit of streams.
    pub(crate) streaming: bool,
    /// The client sends exactly one message.
    pub(crate) single: bool,
    /// Only the server streams: such a call has no end of its own, so a closing door ends it.
    pub(crate) watch: bool,
}

/// The table of all paths.
pub(crate) struct Routes {
    by_path: HashMap<String, Route>,
}

impl Routes {
    /// # Errors
    /// A path that is no rpc path or that the door answers itself; bad descriptors.
    pub(crate) fn new(
        options: &DoorOptions,
        system: Vec<SystemMethod>,
    ) -> Result<Self, StartError> {
        let mut by_path: HashMap<String, Route> = system
            .into_iter()
            .map(|method| (method.path.to_owned(), Route::System(method)))
            .chain(
                NATIVE_METHODS
                    .iter()
                    .map(|m| (m.path.to_owned(), Route::Native(m))),
            )
            .collect();
        let described = described(&options.descriptor_set)?;
        for method in &options.passthrough {
            let path = &method.path;
            if service_of(path).is_none() || by_path.contains_key(path) {
                return Err(StartError::Path(path.clone()));
            }
            let (client, server) = described
                .get(path)
                .copied()
                .unwrap_or((method.streaming, method.streaming));
            let through = Through {
                streaming: method.streaming,
                single: !client,
                watch: server && !client,
            };
            by_path.insert(path.clone(), Route::Through(through));
        }
        Ok(Self { by_path })
    }

    /// Who answers this path, if anyone.
    pub(crate) fn find(&self, path: &str) -> Option<&Route> {
        self.by_path.get(path)
    }

    /// The names of all services that calls can reach, but for the door's own.
    pub(crate) fn services(&self) -> HashSet<String> {
        let outer = |(path, route): (&String, &Route)| match route {
            Route::System(_) => None,
            Route::Native(_) | Route::Through(_) => service_of(path).map(str::to_owned),
        };
        self.by_path.iter().filter_map(outer).collect()
    }
}

/// `package.Service` of `/package.Service/Method`.
fn service_of(path: &str) -> Option<&str> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    let sound = !service.is_empty() && !method.is_empty() && !method.contains('/');
    sound.then_some(service)
}

/// Whether client and server stream, by path.
fn described(bytes: &[u8]) -> Result<HashMap<String, (bool, bool)>, StartError> {
    let set = FileDescriptorSet::decode(bytes)
        .map_err(|error| StartError::Descriptors(error.to_string()))?;
    let mut methods = HashMap::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                methods.insert(path, (method.client_streaming(), method.server_streaming()));
            }
        }
    }
    Ok(methods)
}
