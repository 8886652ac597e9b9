//! The three declarations: [`params!`](crate::params) for a struct of parameters, [`choices!`](crate::choices) for a set of names,
//! [`variants!`](crate::variants) for named things that take parameters of their own.

/// Declares a struct of parameters: from one declaration come the struct, `Default`, its description and its checked reading
/// ([`Params`](crate::learn::params::Params)).
///
/// Every field has a doc comment, a type that implements [`ParamValue`](crate::learn::params::ParamValue), a default, and optionally a range
/// (`in`, any Rust range) and a unit; fields end with `;`. Parameters that have no default stand first, in a `required { }` block; such a struct
/// has no `Default`.
///
/// ```
/// use tidemill::learn::params::{Duration, Params};
///
/// tidemill::params! {
///     /// A window.
///     pub struct WindowParams {
///         required {
///             /// How long the window is.
///             length: Duration, in Duration::from_ms(1)..;
///         }
///         /// How long late records are waited for.
///         grace: Duration = Duration::from_ms(0);
///     }
/// }
///
/// let errors = WindowParams::read(&serde_json::json!({ "length": 5 }), &[]).unwrap_err();
/// assert!(errors[0].suggestion.as_ref().unwrap().contains("\"5s\""));
/// ```
#[macro_export]
macro_rules! params {
    (
        $(#[doc = $sdoc:literal])+
        $vis:vis struct $name:ident {
            required { $( $(#[doc = $rdoc:literal])+ $rfield:ident : $rty:ty $(, in $rrange:expr)? $(, unit $runit:literal)? ; )+ }
            $( $(#[doc = $doc:literal])+ $field:ident : $ty:ty = $default:expr $(, in $range:expr)? $(, unit $unit:literal)? ; )*
        }
    ) => {
        $crate::params! { @build [$($sdoc)+] $vis $name
            $( { [$($rdoc)+] $rfield ($rty) [] [$($rrange)?] [$($runit)?] } )+
            $( { [$($doc)+] $field ($ty) [$default] [$($range)?] [$($unit)?] } )*
        }
    };
    (
        $(#[doc = $sdoc:literal])+
        $vis:vis struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident : $ty:ty = $default:expr $(, in $range:expr)? $(, unit $unit:literal)? ; )*
        }
    ) => {
        $crate::params! { @build [$($sdoc)+] $vis $name
            $( { [$($doc)+] $field ($ty) [$default] [$($range)?] [$($unit)?] } )*
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }
    };
    (@build [$($sdoc:literal)+] $vis:vis $name:ident
        $( { [$($doc:literal)+] $field:ident ($ty:ty) [$($default:expr)?] [$($range:expr)?] [$($unit:literal)?] } )*
    ) => {
        $(#[doc = $sdoc])+
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        $vis struct $name {
            $( $(#[doc = $doc])+ pub $field: $ty, )*
        }

        impl $crate::learn::params::Params for $name {
            fn describe() -> &'static [$crate::learn::params::ParamInfo] {
                static INFO: ::std::sync::LazyLock<Vec<$crate::learn::params::ParamInfo>> = ::std::sync::LazyLock::new(|| {
                    vec![ $( $crate::params!(@field $field ($ty) [$($default)?] [$($range)?] [$($unit)?]).info(&[$($doc),+]), )* ]
                });
                &INFO
            }

            fn read(
                value: &::serde_json::Value,
                path: &[String],
            ) -> ::std::result::Result<Self, Vec<$crate::learn::params::ParamError>> {
                #[allow(unused_mut, reason = "a struct without parameters takes none")]
                let mut reader = $crate::learn::params::Reader::new(value, path, Self::describe());
                $( let $field = reader.take(&$crate::params!(@field $field ($ty) [$($default)?] [$($range)?] [$($unit)?])); )*
                let errors = reader.errors();
                match ($($field,)*) {
                    ($(Some($field),)*) if errors.is_empty() => Ok(Self { $($field,)* }),
                    #[allow(unreachable_patterns, reason = "a struct without parameters matches above")]
                    _ => Err(errors),
                }
            }

            fn to_value(&self) -> ::serde_json::Value {
                #[allow(unused_mut, reason = "a struct without parameters fills nothing in")]
                let mut object = ::serde_json::Map::new();
                $( object.insert(stringify!($field).to_owned(), $crate::learn::params::ParamValue::to_value(&self.$field)); )*
                object.into()
            }
        }

        impl $crate::learn::params::ParamValue for $name {
            type Scalar = $crate::learn::params::NoRange;

            fn type_text() -> String {
                "object of parameters".to_owned()
            }

            fn read_value(
                value: &::serde_json::Value,
                path: &[String],
            ) -> ::std::result::Result<Self, Vec<$crate::learn::params::ParamError>> {
                <Self as $crate::learn::params::Params>::read(value, path)
            }

            fn to_value(&self) -> ::serde_json::Value {
                $crate::learn::params::Params::to_value(self)
            }

            fn params() -> Vec<$crate::learn::params::ParamInfo> {
                <Self as $crate::learn::params::Params>::describe().to_vec()
            }

            fn scalar_text(scalar: &$crate::learn::params::NoRange) -> String {
                match *scalar {}
            }

            fn outside<R: ::std::ops::RangeBounds<$crate::learn::params::NoRange>>(&self, _: &R) -> Option<String> {
                None
            }
        }
    };
    (@field $field:ident ($ty:ty) [$($default:expr)?] [$($range:expr)?] [$($unit:literal)?]) => {
        $crate::learn::params::Field::<$ty, _> {
            name: stringify!($field),
            default: $crate::params!(@default $($default)?),
            range: $crate::params!(@range $ty, $($range)?),
            unit: $crate::params!(@unit $($unit)?),
        }
    };
    (@default) => { None };
    (@default $default:expr) => { Some(|| $default) };
    (@range $ty:ty,) => { None::<::std::ops::RangeInclusive<<$ty as $crate::learn::params::ParamValue>::Scalar>> };
    (@range $ty:ty, $range:expr) => { Some($range) };
    (@unit) => { None };
    (@unit $unit:literal) => { Some($unit) };
}

/// Declares a set of names as an enum that is a parameter type: unknown names are refused with the nearest one.
///
/// ```
/// tidemill::choices! {
///     /// How neighbours are combined.
///     pub enum Vote {
///         /// Their arithmetic mean.
///         Mean = "mean",
///         /// Their median.
///         Median = "median",
///     }
/// }
/// use tidemill::learn::params::ParamValue;
/// assert_eq!(Vote::read_value(&serde_json::json!("median"), &[]).unwrap(), Vote::Median);
/// assert_eq!(Vote::Mean.to_string(), "mean");
/// ```
#[macro_export]
macro_rules! choices {
    (
        $(#[doc = $edoc:literal])+
        $vis:vis enum $name:ident { $( $(#[doc = $doc:literal])+ $variant:ident = $text:literal ),+ $(,)? }
    ) => {
        $(#[doc = $edoc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize)]
        $vis enum $name {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl $name {
            /// The name as users write it.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl $crate::learn::params::ParamValue for $name {
            type Scalar = $crate::learn::params::NoRange;

            fn type_text() -> String {
                "name".to_owned()
            }

            fn read_value(
                value: &::serde_json::Value,
                path: &[String],
            ) -> ::std::result::Result<Self, Vec<$crate::learn::params::ParamError>> {
                match $crate::learn::params::read_choice(value, path, &Self::choices())? {
                    $( $text => Ok(Self::$variant), )+
                    _ => Err(Vec::new()),
                }
            }

            fn to_value(&self) -> ::serde_json::Value {
                self.name().into()
            }

            fn choices() -> Vec<$crate::learn::params::ChoiceInfo> {
                vec![ $( $crate::learn::params::ChoiceInfo::new($text, &[$($doc),+], &[]), )+ ]
            }

            fn scalar_text(scalar: &$crate::learn::params::NoRange) -> String {
                match *scalar {}
            }

            fn outside<R: ::std::ops::RangeBounds<$crate::learn::params::NoRange>>(&self, _: &R) -> Option<String> {
                None
            }
        }
    };
}

/// Declares named things that take parameters of their own as an enum that is a parameter type: written as `"adam"`, or as
/// `{ adam = { beta_1 = 0.9 } }`.
///
/// ```
/// use tidemill::learn::params::ParamValue;
///
/// tidemill::params! {
///     /// No frills.
///     pub struct PlainParams {
///         /// Step length.
///         learning_rate: f64 = 0.01, in 0.0..;
///     }
/// }
/// tidemill::variants! {
///     /// How to walk.
///     pub enum Walk {
///         /// One foot before the other.
///         Plain(PlainParams) = "plain",
///     }
/// }
///
/// let Walk::Plain(params) = Walk::read_value(&serde_json::json!({ "plain": { "learning_rate": 0.5 } }), &[]).unwrap();
/// assert_eq!(params.learning_rate, 0.5);
/// ```
#[macro_export]
macro_rules! variants {
    (
        $(#[doc = $edoc:literal])+
        $vis:vis enum $name:ident { $( $(#[doc = $doc:literal])+ $variant:ident($params:ty) = $text:literal ),+ $(,)? }
    ) => {
        $(#[doc = $edoc])+
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        $vis enum $name {
            $( $(#[doc = $doc])+ $variant($params), )+
        }

        impl $crate::learn::params::ParamValue for $name {
            type Scalar = $crate::learn::params::NoRange;

            fn type_text() -> String {
                "name, or object with the name as its only key".to_owned()
            }

            fn read_value(
                value: &::serde_json::Value,
                path: &[String],
            ) -> ::std::result::Result<Self, Vec<$crate::learn::params::ParamError>> {
                let (name, params, inner) = $crate::learn::params::read_single_key(value, path)?;
                match name {
                    $( $text => <$params as $crate::learn::params::Params>::read(params, &inner).map(Self::$variant), )+
                    _ => Err(vec![$crate::learn::params::ParamError::unknown(
                        &inner, &format!("name `{name}`"), name, &[$($text),+],
                    )]),
                }
            }

            fn to_value(&self) -> ::serde_json::Value {
                match self {
                    $( Self::$variant(params) => ::serde_json::json!({ $text: $crate::learn::params::Params::to_value(params) }), )+
                }
            }

            fn choices() -> Vec<$crate::learn::params::ChoiceInfo> {
                vec![ $( $crate::learn::params::ChoiceInfo::new(
                    $text, &[$($doc),+], <$params as $crate::learn::params::Params>::describe(),
                ), )+ ]
            }

            fn scalar_text(scalar: &$crate::learn::params::NoRange) -> String {
                match *scalar {}
            }

            fn outside<R: ::std::ops::RangeBounds<$crate::learn::params::NoRange>>(&self, _: &R) -> Option<String> {
                None
            }
        }
    };
}
