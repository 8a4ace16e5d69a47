//! What JSON and YAML have in common, as far as rows need it: texts, flags, lists and maps, taken
//! apart key by key, with errors that a person can read. Texts live as long as the process.

/// A value of a row.
#[derive(Clone, Debug)]
pub enum Value {
    Text(&'static str),
    Flag(bool),
    List(Vec<Value>),
    Map(Fields),
    /// A number, or nothing.
    Other,
}

/// The keys of a map that have not been taken yet.
#[derive(Clone, Debug, Default)]
pub struct Fields(pub Vec<(String, Value)>);

impl Fields {
    pub fn text(&mut self, key: &str) -> Result<Option<&'static str>, String> {
        self.read(key, "text", Value::text)
    }

    pub fn flag(&mut self, key: &str) -> Result<bool, String> {
        let flag = |value| if let Value::Flag(flag) = value { Some(flag) } else { None };
        self.read(key, "true or false", flag).map(Option::unwrap_or_default)
    }

    pub fn map(&mut self, key: &str) -> Result<Self, String> {
        let map = |value| if let Value::Map(fields) = value { Some(fields) } else { None };
        self.read(key, "a map", map).map(Option::unwrap_or_default)
    }

    pub fn texts(&mut self, key: &str) -> Result<&'static [&'static str], String> {
        let expects = "a list of texts";
        let texts = self.list(key, expects, |item| item.text().ok_or_else(String::new));
        texts.map(Vec::leak).map(|texts| &*texts).map_err(|_| format!("{key} must be {expects}"))
    }

    pub fn list<T>(
        &mut self,
        key: &str,
        expects: &str,
        item: impl FnMut(Value) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let list = |value| if let Value::List(items) = value { Some(items) } else { None };
        let items = self.read(key, expects, list)?.unwrap_or_default();
        items.into_iter().map(item).collect()
    }

    /// No key may be left.
    pub fn end(self) -> Result<(), String> {
        self.0.first().map_or(Ok(()), |(key, _)| Err(format!("there is no key {key}")))
    }

    fn read<T>(
        &mut self,
        key: &str,
        expects: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(place) = self.0.iter().position(|(name, _)| name == key) else {
            return Ok(None);
        };
        let (_, value) = self.0.swap_remove(place);
        read(value).map(Some).ok_or_else(|| format!("{key} must be {expects}"))
    }
}

impl Value {
    pub fn text(self) -> Option<&'static str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}
