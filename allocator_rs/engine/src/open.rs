//! From a folder to a serving engine.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::Sender;

use crate::error::OpenError;
use crate::job::Job;
use crate::options::EngineOptions;
use crate::shared::Shared;

type Opened = (Arc<Shared>, Sender<Job>, JoinHandle<()>);

pub(crate) fn open(_options: EngineOptions) -> Result<Opened, OpenError> {
    Err(OpenError::Io {
        doing: "open".into(),
        error: std::io::ErrorKind::Unsupported.into(),
    })
}
