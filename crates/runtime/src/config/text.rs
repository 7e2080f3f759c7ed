//! Values that are plain text until a field says what it wants: a number, a flag, a list.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// A value of a configuration that was put together from several places.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Table(BTreeMap<String, Self>),
    /// From the file, where kinds are known.
    Typed(toml::Value),
    /// From the environment or a flag.
    Text(String),
}

impl Default for Node {
    fn default() -> Self {
        Self::Table(BTreeMap::new())
    }
}

impl From<toml::Table> for Node {
    fn from(table: toml::Table) -> Self {
        let nodes = table.into_iter().map(|(key, value)| {
            let node = match value {
                toml::Value::Table(table) => Self::from(table),
                value => Self::Typed(value),
            };
            (key, node)
        });
        Self::Table(nodes.collect())
    }
}

impl Node {
    /// Sets the value at a dotted key.
    pub(super) fn insert(&mut self, key: &str, text: String) {
        let (first, rest) = match key.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (key, None),
        };
        if !matches!(self, Self::Table(_)) {
            *self = Self::default();
        }
        let Self::Table(nodes) = self else { return };
        match rest {
            None => {
                nodes.insert(first.to_owned(), Self::Text(text));
            }
            Some(rest) => nodes
                .entry(first.to_owned())
                .or_default()
                .insert(rest, text),
        }
    }
}

impl IntoDeserializer<'_, Error> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads text as a number or a flag.
fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, Error> {
    let text = text.trim();
    text.parse()
        .map_err(|error| Error::custom(format!("{text:?}: {error}")))
}

/// Writes the methods that read one kind of scalar each.
macro_rules! scalars {
    ($($method:ident $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self {
                Self::Text(text) => visitor.$visit(parse::<$type>(&text)?),
                node => node.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Table(nodes) => visitor.visit_map(MapDeserializer::new(nodes.into_iter())),
            Self::Text(text) => visitor.visit_string(text),
            Self::Typed(value) => value.deserialize_any(visitor).map_err(Error::custom),
        }
    }

    scalars! {
        deserialize_bool visit_bool bool,
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) => {
                let items = text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                let nodes: Vec<Self> = items.map(|item| Self::Text(item.to_owned())).collect();
                visitor.visit_seq(SeqDeserializer::new(nodes.into_iter()))
            }
            node => node.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) => visitor.visit_enum(text.into_deserializer()),
            Self::Typed(value) => value
                .deserialize_enum(name, variants, visitor)
                .map_err(Error::custom),
            Self::Table(_) => Err(Error::custom("a table where a word is expected")),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}
