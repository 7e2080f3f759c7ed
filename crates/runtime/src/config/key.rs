//! Keys as documentation, and the macro that declares a configuration once.

use serde::de::DeserializeOwned;

/// A key of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name in the file; a dot leads into a table.
    pub name: String,
    /// Its name in the environment.
    pub environment: &'static str,
    /// What it means, in a sentence or two.
    pub about: &'static str,
    /// The unit of its value, or what kind of text it is.
    pub unit: &'static str,
    /// Its default, as one would write it.
    pub default: String,
    /// The version since which it exists.
    pub since: &'static str,
}

/// A struct that can be loaded; declare it with [`crate::configuration!`].
///
/// Every field has a default, and unknown fields are refused (`serde(default, deny_unknown_fields)`).
pub trait Configuration: DeserializeOwned {
    /// Returns all keys, in the order in which they are explained.
    fn keys() -> Vec<Key>;
}

/// Returns the reference page of a configuration, as Markdown.
#[must_use]
pub fn reference<C: Configuration>() -> String {
    let mut page = String::new();
    for key in C::keys() {
        page.push_str(&format!(
            "## `{}`\n\n{}\n\nUnit: {}.\nDefault: `{}`.\nEnvironment: `{}`.\nSince: {}.\n\n",
            key.name, key.about, key.unit, key.default, key.environment, key.since
        ));
    }
    page
}

/// Declares a configuration: the struct, its defaults and the documentation of its keys.
///
/// ```
/// runtime::configuration! {
///     /// What a mill is told.
///     pub struct Config {
///         /// How many sacks may wait.
///         pub sacks_max: u32 = 20, unit: "sacks", env: "MILL_SACKS_MAX", since: "0.1.0";
///     }
/// }
/// assert_eq!(Config::default().sacks_max, 20);
/// ```
///
/// A table of its own, such as `[tls]`, is a configuration too; it is named after the keys.
///
/// ```
/// use runtime::config::Configuration as _;
/// runtime::configuration! {
///     /// What the stones are told.
///     pub struct Stones {
///         /// How fast they turn.
///         pub speed: u32 = 90, unit: "turns per minute", env: "MILL_STONES_SPEED", since: "0.1.0";
///     }
/// }
/// runtime::configuration! {
///     /// What a mill is told.
///     pub struct Mill {
///         /// How many sacks may wait.
///         pub sacks_max: u32 = 20, unit: "sacks", env: "MILL_SACKS_MAX", since: "0.1.0";
///     }
///     tables {
///         /// The stones.
///         pub stones: Stones;
///     }
/// }
/// assert_eq!(Mill::keys()[1].name, "stones.speed");
/// ```
#[macro_export]
macro_rules! configuration {
    (
        $(#[doc = $about:literal])+
        $visible:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $field_visible:vis $field:ident: $type:ty = $default:expr,
                unit: $unit:literal, env: $environment:literal, since: $since:literal;
            )*
        }
        $(tables {
            $(
                $(#[doc = $table_doc:literal])+
                $table_visible:vis $table:ident: $table_type:ty;
            )*
        })?
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, $crate::config::serde::Deserialize)]
        #[serde(crate = "runtime::config::serde", default, deny_unknown_fields)]
        $visible struct $name {
            $(
                $(#[doc = $doc])+
                $field_visible $field: $type,
            )*
            $($(
                $(#[doc = $table_doc])+
                $table_visible $table: $table_type,
            )*)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                    $($($table: <$table_type>::default(),)*)?
                }
            }
        }

        impl $crate::config::Configuration for $name {
            fn keys() -> Vec<$crate::config::Key> {
                let defaults = Self::default();
                #[allow(unused_mut, reason = "only a configuration with tables has more keys")]
                let mut keys = vec![$(
                    $crate::config::Key {
                        name: stringify!($field).to_owned(),
                        environment: $environment,
                        about: concat!($($doc,)+).trim(),
                        unit: $unit,
                        default: format!("{:?}", defaults.$field),
                        since: $since,
                    },
                )*];
                $($(
                    let table = <$table_type as $crate::config::Configuration>::keys();
                    keys.extend(table.into_iter().map(|key| $crate::config::Key {
                        name: format!("{}.{}", stringify!($table), key.name),
                        ..key
                    }));
                )*)?
                keys
            }
        }
    };
}
