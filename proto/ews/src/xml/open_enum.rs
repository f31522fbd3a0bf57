/// Declares an enumeration whose unknown values survive as text.
///
/// `Variant` stands for itself on the wire, `Variant = "text"` for another text.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident $(= $wire:literal)? ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$vmeta])* $variant, )+
            /// A value this version has no name for, as it was on the wire.
            Other(String),
        }

        impl $name {
            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $crate::xml::open_enum!(@wire $variant $($wire)?), )+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $( if text == $crate::xml::open_enum!(@wire $variant $($wire)?) {
                    return Self::$variant;
                } )+
                Self::Other(text.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::xml::Text for $name {
            fn parse(text: std::borrow::Cow<'_, str>) -> Option<Self> {
                Some(Self::from(text.trim()))
            }
            fn write_text(&self, w: &mut $crate::xml::Writer) {
                w.text(self.as_str());
            }
        }

        $crate::xml::text_values!($name);
    };
    (@wire $variant:ident $wire:literal) => { $wire };
    (@wire $variant:ident) => { stringify!($variant) };
}
pub(crate) use open_enum;
