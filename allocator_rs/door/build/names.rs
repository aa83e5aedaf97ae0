//! Rust names of protobuf names, as prost forms them.

use prost_reflect::MessageDescriptor;

/// `CamelCase` to `snake_case`.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, character) in name.char_indices() {
        if character.is_ascii_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}

/// `snake_case` to `CamelCase`.
pub(crate) fn camel(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let mut characters = word.chars();
            characters
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + characters.as_str())
                .unwrap_or_default()
        })
        .collect()
}

/// The path of a type of package `bopis.v1` within the crate.
pub(crate) fn rust_path(full_name: &str) -> Option<String> {
    let inside = full_name.strip_prefix("bopis.v1.")?;
    let mut parts: Vec<&str> = inside.split('.').collect();
    let last = parts.pop()?;
    let mut path = String::from("crate::v1::");
    for part in parts {
        path.push_str(&snake(part));
        path.push_str("::");
    }
    path.push_str(last);
    Some(path)
}

/// The path of the enum that prost makes of a oneof.
pub(crate) fn oneof_path(message: &MessageDescriptor, oneof: &str) -> Option<String> {
    let owner = rust_path(message.full_name())?;
    let (module, name) = owner.rsplit_once("::")?;
    Some(format!("{module}::{}::{}", snake(name), camel(oneof)))
}
