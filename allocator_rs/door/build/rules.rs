//! Turns the `rules` option of each field into Rust checks, for every message that a native rpc
//! takes. `bopis/server/validate.py` applies the same rules to what passes through.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind,
    MessageDescriptor, ReflectMessage, Value,
};

use crate::names::{camel, oneof_path, rust_path};

/// Elements of these fields are checked one by one by their handlers: a broken rule in one is that
/// element's outcome and fails nothing else.
const CHECKED_PER_ELEMENT: [&str; 3] = [
    "bopis.v1.BatchReserveRequest.items",
    "bopis.v1.RecordSalesRequest.sales",
    "bopis.v1.ImportStockRequest.levels",
];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Rules {
    required: bool,
    format: &'static str,
    max_length: u32,
    min_items: u32,
    max_items: u32,
    min: Option<i64>,
    max: Option<i64>,
}

/// Implementations of `Validate` for all messages reachable from the services' requests.
pub(crate) fn generate(pool: &DescriptorPool, services: &[&str]) -> Result<String> {
    let extension = pool
        .get_extension_by_name("bopis.v1.rules")
        .ok_or("the rules extension is missing")?;
    let mut messages = BTreeMap::new();
    for name in services {
        let service = pool
            .get_service_by_name(name)
            .ok_or("a native service is missing")?;
        for method in service.methods() {
            collect(&method.input(), &mut messages);
        }
    }
    let mut out = String::new();
    for message in messages.values() {
        emit_message(message, &extension, &mut out)?;
    }
    Ok(out)
}

fn collect(message: &MessageDescriptor, into: &mut BTreeMap<String, MessageDescriptor>) {
    if message.package_name() != "bopis.v1" || into.contains_key(message.full_name()) {
        return;
    }
    into.insert(message.full_name().to_owned(), message.clone());
    for field in message.fields() {
        if let Kind::Message(inner) = field.kind() {
            collect(&inner, into);
        }
    }
}

fn emit_message(
    message: &MessageDescriptor,
    extension: &ExtensionDescriptor,
    out: &mut String,
) -> Result<()> {
    let path = rust_path(message.full_name()).ok_or("a message of another package")?;
    writeln!(out, "impl Validate for {path} {{")?;
    writeln!(out, "    fn validate(&self, report: &mut Report) {{")?;
    for field in message.fields() {
        match field.containing_oneof() {
            Some(oneof) if !oneof.is_synthetic() => {
                if oneof.fields().next().as_ref() == Some(&field) {
                    emit_oneof(message, oneof.name(), &field, extension, out)?;
                }
            }
            Some(_) => return Err(format!("{}: optional fields", field.full_name()).into()),
            None if field.is_map() => return Err(format!("{}: maps", field.full_name()).into()),
            None if field.cardinality() == Cardinality::Repeated => {
                emit_repeated(&field, &read(&field, extension)?, out)?;
            }
            None => emit_singular(&field, &read(&field, extension)?, out)?,
        }
    }
    writeln!(out, "    }}\n}}")?;
    Ok(())
}

fn emit_oneof(
    message: &MessageDescriptor,
    name: &str,
    first: &FieldDescriptor,
    extension: &ExtensionDescriptor,
    out: &mut String,
) -> Result<()> {
    let path = oneof_path(message, name).ok_or("a oneof of another package")?;
    let oneof = first.containing_oneof().ok_or("no oneof")?;
    let mut required = false;
    writeln!(out, "        match &self.{name} {{")?;
    for field in oneof.fields() {
        let rules = read(&field, extension)?;
        required |= rules.required;
        let check = value_check(&field, &rules, "value", true)?;
        writeln!(
            out,
            "            Some({path}::{}(value)) => {check},",
            camel(field.name())
        )?;
    }
    let unset = if required {
        format!("report.unset_oneof({name:?})")
    } else {
        "()".to_owned()
    };
    writeln!(out, "            None => {unset},\n        }}")?;
    Ok(())
}

fn emit_repeated(field: &FieldDescriptor, rules: &Rules, out: &mut String) -> Result<()> {
    let name = field.name();
    let (least, most) = (rules.min_items, rules.max_items);
    let counted = format!("report.count({name:?}, self.{name}.len(), {least}, {most})");
    if CHECKED_PER_ELEMENT.contains(&field.full_name()) {
        writeln!(out, "        {counted};")?;
        return Ok(());
    }
    writeln!(out, "        if {counted} {{")?;
    writeln!(
        out,
        "            for (index, value) in self.{name}.iter().enumerate() {{"
    )?;
    writeln!(out, "                if report.is_full() {{ return; }}")?;
    let check = match field.kind() {
        Kind::Message(_) => "value.validate(report)".to_owned(),
        Kind::String => {
            format!(
                "report.text(\"\", value, {}, {}, {})",
                true, rules.format, rules.max_length
            )
        }
        other => return Err(format!("{}: repeated {other:?}", field.full_name()).into()),
    };
    writeln!(out, "                report.enter({name:?}, Some(index));")?;
    writeln!(
        out,
        "                {check};\n                report.leave();"
    )?;
    writeln!(out, "            }}\n        }}")?;
    Ok(())
}

fn emit_singular(field: &FieldDescriptor, rules: &Rules, out: &mut String) -> Result<()> {
    let name = field.name();
    if matches!(field.kind(), Kind::Message(_)) {
        let unset = if rules.required {
            format!("report.unset({name:?})")
        } else {
            "()".into()
        };
        let check = value_check(field, rules, "value", false)?;
        writeln!(
            out,
            "        match &self.{name} {{ Some(value) => {check}, None => {unset} }}"
        )?;
    } else {
        let check = value_check(field, rules, &format!("&self.{name}"), false)?;
        writeln!(out, "        {check};")?;
    }
    Ok(())
}

/// The call that checks one value, an expression of a reference.
fn value_check(
    field: &FieldDescriptor,
    rules: &Rules,
    value: &str,
    in_oneof: bool,
) -> Result<String> {
    let (name, required) = (field.name(), rules.required);
    let range = format!("{:?}, {:?}", rules.min, rules.max);
    Ok(match field.kind() {
        Kind::String if in_oneof && required => format!(
            "report.chosen_text({name:?}, {value}, {}, {})",
            rules.format, rules.max_length
        ),
        Kind::String => format!(
            "report.text({name:?}, {value}, {required}, {}, {})",
            rules.format, rules.max_length
        ),
        Kind::Int32 | Kind::Int64 | Kind::Uint32 => {
            format!("report.integer({name:?}, i64::from(*{value}), {required}, {range})")
        }
        Kind::Double => format!("report.float({name:?}, *{value}, {required}, {range})"),
        Kind::Bool => "()".to_owned(),
        Kind::Enum(inner) => {
            let path = rust_path(inner.full_name()).ok_or("an enum of another package")?;
            let known = format!("{path}::try_from(*{value}).is_ok()");
            let required = required && !in_oneof;
            format!("report.enumeration({name:?}, *{value}, {known}, {required})")
        }
        Kind::Message(inner) => match inner.full_name() {
            "google.protobuf.Timestamp" if name.ends_with("window_start_time") => {
                format!("report.window_start({name:?}, {value})")
            }
            "google.protobuf.Timestamp" => format!("report.timestamp({name:?}, {value})"),
            "google.protobuf.Duration" => format!("report.duration({name:?}, {value}, {range})"),
            full if full.starts_with("bopis.v1.") => format!(
                "{{ report.enter({name:?}, None); {value}.validate(report); report.leave(); }}"
            ),
            other => return Err(format!("{}: {other}", field.full_name()).into()),
        },
        other => return Err(format!("{}: {other:?}", field.full_name()).into()),
    })
}

fn read(field: &FieldDescriptor, extension: &ExtensionDescriptor) -> Result<Rules> {
    let options = field.options();
    let value = options.get_extension(extension);
    let Value::Message(rules) = value.as_ref() else {
        return Err("rules are a message".into());
    };
    let format = match number(rules, "format")? {
        0 => "Format::Any",
        1 => "Format::Id",
        2 => "Format::Uuid",
        3 => "Format::Text",
        5 => "Format::Token",
        other => return Err(format!("{}: format {other}", field.full_name()).into()),
    };
    let bound = |name: &str| -> Result<Option<i64>> {
        rules
            .has_field_by_name(name)
            .then(|| number(rules, name))
            .transpose()
    };
    Ok(Rules {
        required: get(rules, "required")?.as_bool().unwrap_or(false),
        format,
        max_length: u32::try_from(number(rules, "max_length")?)?,
        min_items: u32::try_from(number(rules, "min_items")?)?,
        max_items: u32::try_from(number(rules, "max_items")?)?,
        min: bound("min")?,
        max: bound("max")?,
    })
}

fn get(rules: &DynamicMessage, name: &str) -> Result<Value> {
    let field = rules
        .descriptor()
        .get_field_by_name(name)
        .ok_or_else(|| format!("field_rules.proto lost {name}"))?;
    Ok(rules.get_field(&field).into_owned())
}

fn number(rules: &DynamicMessage, name: &str) -> Result<i64> {
    match get(rules, name)? {
        Value::I64(value) => Ok(value),
        Value::U32(value) => Ok(i64::from(value)),
        Value::EnumNumber(value) => Ok(i64::from(value)),
        other => Err(format!("{name} is {other:?}").into()),
    }
}
