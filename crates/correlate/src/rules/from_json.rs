//! Rows as JSON, in which they are compiled in and handed over by JavaScript.

use super::value::{Fields, Value};
use crate::json::{JsonError, Kind, Scanner};

/// The rows that a JSON array holds. They live as long as the process.
pub fn rows_of(json: &str) -> Result<Vec<Value>, String> {
    let mut scanner = Scanner::new(json.as_bytes());
    match value(&mut scanner) {
        Ok(Value::List(rows)) if scanner.end().is_ok() => Ok(rows),
        _ => Err("rows must be a JSON array".to_owned()),
    }
}

fn value(scanner: &mut Scanner<'_>) -> Result<Value, JsonError> {
    Ok(match scanner.peek()? {
        Kind::String => Value::Text(scanner.string()?.into_owned().leak()),
        Kind::Array => {
            let mut items = Vec::new();
            scanner.array(|scanner| {
                items.push(value(scanner)?);
                Ok(())
            })?;
            Value::List(items)
        }
        Kind::Object => {
            let mut fields = Vec::new();
            scanner.object(|scanner, key| {
                let key = String::from_utf8_lossy(key).into_owned();
                fields.push((key, value(scanner)?));
                Ok(())
            })?;
            Value::Map(Fields(fields))
        }
        Kind::Number | Kind::Word => match scanner.scalar()? {
            "true" => Value::Flag(true),
            "false" => Value::Flag(false),
            _ => Value::Other,
        },
    })
}
