//! Values of settings, each with where it was set, and the types that they become in the program. It knows no setting
//! by name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::base::place::Place;
use crate::base::rate::Rate;

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(PathBuf),
    Variable(String),
    Flag(&'static str),
    /// Beside the credentials that were found there.
    Credentials(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Variable(name) => f.write_str(name),
            Origin::Flag(name) => f.write_str(name),
            Origin::Credentials(source) => f.write_str(source),
        }
    }
}

/// A value with where it was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    pub value: T,
    pub origin: Origin,
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Path(PathBuf),
    Place(Place),
    Switch(bool),
    Whole(i64),
    Rate(Rate),
    Texts(Vec<String>),
    /// A word for each of several tables.
    ByTable(BTreeMap<String, String>),
}

/// A type that a value becomes in the program.
pub trait FromValue: Sized {
    /// `None` where the value is of another kind. A setting that is not set has no value.
    fn from_value(value: Option<&Value>) -> Option<Self>;
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        match value {
            None => Some(None),
            Some(_) => T::from_value(value).map(Some),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Value::Text(text) = value? { Some(text.clone()) } else { None }
    }
}

impl FromValue for PathBuf {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Value::Path(path) = value? { Some(path.clone()) } else { None }
    }
}

impl FromValue for Place {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Value::Place(place) = value? { Some(place.clone()) } else { None }
    }
}

impl FromValue for bool {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Value::Switch(is_on) = value? { Some(*is_on) } else { None }
    }
}

impl FromValue for Rate {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Value::Rate(rate) = value? { Some(rate.clone()) } else { None }
    }
}

impl FromValue for Vec<String> {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        if let Value::Texts(texts) = value? { Some(texts.clone()) } else { None }
    }
}

macro_rules! from_whole {
    ($($type:ty),+) => {
        $(impl FromValue for $type {
            fn from_value(value: Option<&Value>) -> Option<Self> {
                if let Value::Whole(number) = value? { (*number).try_into().ok() } else { None }
            }
        })+
    };
}

from_whole!(u8, u32, u64, usize);
