//! Labels: bounded sets of words, so that a metric has as many series as somebody wrote down and no more.

use std::fmt;

/// A label whose values are the variants of an enum; declare it with [`crate::labels!`].
pub trait Label: Copy + fmt::Debug + Send + Sync + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// All its values, in the order of their indexes.
    const ALL: &'static [Self];

    /// Returns the value's place in [`Label::ALL`].
    fn index(self) -> usize;

    /// Returns the value as it is written.
    fn as_str(self) -> &'static str;
}

/// What tells the series of one metric apart: one [`Label`] or a pair of them.
pub trait Labels: Copy + fmt::Debug + Send + Sync + 'static {
    /// How many series there are.
    const SERIES: usize;

    /// Returns the place of the series, less than [`Labels::SERIES`].
    fn place(self) -> usize;

    /// Returns names and values of the series at a place.
    fn pairs(place: usize) -> Vec<(&'static str, &'static str)>;
}

impl<L: Label> Labels for L {
    const SERIES: usize = L::ALL.len();

    fn place(self) -> usize {
        self.index()
    }

    fn pairs(place: usize) -> Vec<(&'static str, &'static str)> {
        vec![(L::NAME, L::ALL[place].as_str())]
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    const SERIES: usize = A::ALL.len() * B::ALL.len();

    fn place(self) -> usize {
        self.0.index() * B::ALL.len() + self.1.index()
    }

    fn pairs(place: usize) -> Vec<(&'static str, &'static str)> {
        let (first, second) = (place / B::ALL.len(), place % B::ALL.len());
        vec![
            (A::NAME, A::ALL[first].as_str()),
            (B::NAME, B::ALL[second].as_str()),
        ]
    }
}

/// Declares a label: the enum and the words of its values.
///
/// ```
/// use runtime::metrics::Label as _;
///
/// runtime::labels! {
///     /// How a sack is.
///     pub enum Fullness: "fullness" {
///         /// Nothing is in it.
///         Empty = "empty",
///         /// Nothing more fits.
///         Full = "full",
///     }
/// }
/// assert_eq!(Fullness::Full.as_str(), "full");
/// ```
#[macro_export]
macro_rules! labels {
    (
        $(#[doc = $about:literal])+
        $visible:vis enum $name:ident: $label:literal {
            $(
                $(#[doc = $doc:literal])+
                $variant:ident = $text:literal,
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $visible enum $name {
            $(
                $(#[doc = $doc])+
                $variant,
            )+
        }

        impl $crate::metrics::Label for $name {
            const NAME: &'static str = $label;
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn index(self) -> usize {
                self as usize
            }

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}
