use super::{Ns, Reader, Start, Text, Writer};
use crate::Error;

/// What can stand as an element: a simple type or a [`Sequence`].
pub trait Value: Sized {
    /// Reads the content of `element`; `None` if it is no such value.
    fn read(r: &mut Reader<'_>, element: &Start<'_>) -> Result<Option<Self>, Error>;
    /// Writes itself as the element `name`.
    fn write(&self, w: &mut Writer, ns: Ns, name: &[u8]);
}

/// A complex type: attributes, then child elements in the schema's order, or text.
pub trait Sequence: Default {
    /// The content is text rather than child elements.
    const TEXT: bool = false;
    /// Takes an attribute, or ignores one it does not know.
    fn read_attribute(&mut self, name: &str, value: std::borrow::Cow<'_, str>);
    /// Takes a child element; `false` (nothing consumed) if it is none of its own.
    fn read_child(&mut self, r: &mut Reader<'_>, child: &Start<'_>) -> Result<bool, Error>;
    /// Takes the text.
    fn read_text(&mut self, _: std::borrow::Cow<'_, str>) {}
    /// Writes the attributes.
    fn write_attributes(&self, w: &mut Writer);
    /// Writes the child elements or the text.
    fn write_children(&self, w: &mut Writer);

    /// Reads attributes and content of `element` into itself.
    fn read_into(&mut self, r: &mut Reader<'_>, element: &Start<'_>) -> Result<(), Error> {
        if element.has_attributes() {
            element.attributes(r.limits(), |name, value| self.read_attribute(name, value))?;
        }
        if Self::TEXT {
            self.read_text(r.text(element)?);
            return Ok(());
        }
        while let Some(child) = r.child(element)? {
            if !self.read_child(r, &child)? {
                r.skip(&child)?;
            }
        }
        Ok(())
    }
}

impl<T: Sequence> Value for T {
    fn read(r: &mut Reader<'_>, element: &Start<'_>) -> Result<Option<Self>, Error> {
        r.charge(size_of::<Self>())?;
        let mut value = Self::default();
        value.read_into(r, element)?;
        Ok(Some(value))
    }
    fn write(&self, w: &mut Writer, ns: Ns, name: &[u8]) {
        w.start(ns, name);
        self.write_attributes(w);
        self.write_children(w);
        w.end(ns, name);
    }
}

/// One of several elements: the name decides. The alternatives are sequences or strings, which never refuse.
pub trait Choice: Sized {
    /// Reads `element` if it is one of the alternatives; otherwise `None`, and nothing is consumed.
    fn read_choice(r: &mut Reader<'_>, element: &Start<'_>) -> Result<Option<Self>, Error>;
    /// Writes the alternative under its own name.
    fn write_choice(&self, w: &mut Writer);
}

/// An optional or repeated element.
pub(crate) trait Field {
    fn read_field(&mut self, r: &mut Reader<'_>, element: &Start<'_>) -> Result<(), Error>;
    fn write_field(&self, w: &mut Writer, ns: Ns, name: &[u8]);
}

impl<T: Value> Field for Option<T> {
    fn read_field(&mut self, r: &mut Reader<'_>, element: &Start<'_>) -> Result<(), Error> {
        *self = T::read(r, element)?;
        Ok(())
    }
    fn write_field(&self, w: &mut Writer, ns: Ns, name: &[u8]) {
        if let Some(value) = self {
            value.write(w, ns, name);
        }
    }
}

impl<T: Value> Field for Vec<T> {
    fn read_field(&mut self, r: &mut Reader<'_>, element: &Start<'_>) -> Result<(), Error> {
        self.extend(T::read(r, element)?);
        Ok(())
    }
    fn write_field(&self, w: &mut Writer, ns: Ns, name: &[u8]) {
        for value in self {
            value.write(w, ns, name);
        }
    }
}

/// An optional attribute.
pub(crate) trait AttributeField {
    fn read_attribute_field(&mut self, value: std::borrow::Cow<'_, str>);
    fn write_attribute_field(&self, w: &mut Writer, name: &[u8]);
}

impl<T: Text> AttributeField for Option<T> {
    fn read_attribute_field(&mut self, value: std::borrow::Cow<'_, str>) {
        *self = T::parse(value);
    }
    fn write_attribute_field(&self, w: &mut Writer, name: &[u8]) {
        if let Some(value) = self {
            w.attribute(name, value);
        }
    }
}

/// An optional or repeated choice.
pub(crate) trait ChoiceField {
    fn offer(&mut self, r: &mut Reader<'_>, element: &Start<'_>) -> Result<bool, Error>;
    fn write_choices(&self, w: &mut Writer);
}

impl<T: Choice> ChoiceField for Option<T> {
    fn offer(&mut self, r: &mut Reader<'_>, element: &Start<'_>) -> Result<bool, Error> {
        let read = T::read_choice(r, element)?;
        let taken = read.is_some();
        if taken {
            *self = read;
        }
        Ok(taken)
    }
    fn write_choices(&self, w: &mut Writer) {
        if let Some(value) = self {
            value.write_choice(w);
        }
    }
}

impl<T: Choice> ChoiceField for Vec<T> {
    fn offer(&mut self, r: &mut Reader<'_>, element: &Start<'_>) -> Result<bool, Error> {
        let read = T::read_choice(r, element)?;
        let taken = read.is_some();
        self.extend(read);
        Ok(taken)
    }
    fn write_choices(&self, w: &mut Writer) {
        for value in self {
            value.write_choice(w);
        }
    }
}

impl Reader<'_> {
    /// Reads the entries named `entry` inside the list element `list`.
    pub(crate) fn list<T: Value>(
        &mut self,
        list: &Start<'_>,
        entry: &[u8],
        into: &mut Vec<T>,
    ) -> Result<(), Error> {
        while let Some(child) = self.child(list)? {
            if child.local().as_bytes() == entry {
                into.extend(T::read(self, &child)?);
            } else {
                self.skip(&child)?;
            }
        }
        Ok(())
    }

    /// Reads the choices inside the array element `array`.
    pub(crate) fn array<T: ChoiceField>(&mut self, array: &Start<'_>, into: &mut T) -> Result<(), Error> {
        while let Some(child) = self.child(array)? {
            if !into.offer(self, &child)? {
                self.skip(&child)?;
            }
        }
        Ok(())
    }
}

impl Writer {
    pub(crate) fn list<T: Value>(&mut self, ns: Ns, name: &[u8], entry: &[u8], values: &[T]) {
        self.start(ns, name);
        for value in values {
            value.write(self, ns.entries(), entry);
        }
        self.end(ns, name);
    }

    pub(crate) fn array<T: ChoiceField>(&mut self, ns: Ns, name: &[u8], values: &T) {
        self.start(ns, name);
        values.write_choices(self);
        self.end(ns, name);
    }
}

/// Declares a complex type with both directions. The lines stand in the schema's order, which is the order of
/// writing; reading takes any order. A line is `kind b"Element" => field: Type`, and the kind says how:
///
/// | kind | on the wire | Rust type |
/// |---|---|---|
/// | `attribute` | optional attribute | `Option<T>` |
/// | `required_attribute` | attribute, always written | `T` |
/// | `element` | optional or repeated element | `Option<T>`, `Vec<T>` |
/// | `required` | element, always written | `T` |
/// | `list b"A" / b"B"` | `A` around many `B`, absent when empty | `Vec<T>` |
/// | `required_list` | the same, written even when empty | `Vec<T>` |
/// | `array` | an element around choices, absent when empty | `Vec<T: Choice>` |
/// | `required_array` | the same, always written | `Vec` or `Option<T: Choice>` |
/// | `choice` | alternatives right here | `Option<T: Choice>`, `Vec<T: Choice>` |
/// | `base` | the lines of an extended type | `T: Sequence` |
/// | `text` | the text of the element | `T: Text` |
/// | `aside` | not on the wire | any |
///
/// The literal of the last four is a label in parentheses. A namespace after the kind overrides the type's.
macro_rules! sequence {
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $ns:ident {
            $( $(#[$fmeta:meta])*
               $kind:ident $($over:ident)? $element:literal $(/ $entry:literal)? => $field:ident : $type:ty ),*
            $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $( $(#[$fmeta])* pub $field: $type, )*
        }

        impl $crate::xml::Sequence for $name {
            const TEXT: bool = false $( || $crate::xml::sequence!(@is_text $kind) )*;

            fn read_attribute(&mut self, name: &str, value: std::borrow::Cow<'_, str>) {
                match name.as_bytes() {
                    $( $element => $crate::xml::sequence!(@read_attribute $kind self.$field, value), )*
                    _ => {
                        let _ = &value;
                        $( $crate::xml::sequence!(@pass_attribute $kind self.$field, name, value); )*
                    }
                }
            }

            fn read_child(
                &mut self,
                r: &mut $crate::xml::Reader<'_>,
                child: &$crate::xml::Start<'_>,
            ) -> Result<bool, $crate::Error> {
                match child.local().as_bytes() {
                    $( $element => $crate::xml::sequence!(@read $kind $($entry)? ; self.$field, r, child), )*
                    _ => {
                        let _ = r;
                        $( $crate::xml::sequence!(@offer $kind self.$field, r, child); )*
                        Ok(false)
                    }
                }
            }

            fn read_text(&mut self, text: std::borrow::Cow<'_, str>) {
                let _ = text;
                $( $crate::xml::sequence!(@read_text $kind self.$field, text); )*
            }

            fn write_attributes(&self, w: &mut $crate::xml::Writer) {
                let _ = w;
                $( $crate::xml::sequence!(@write_attribute $kind $element ; self.$field, w); )*
            }

            fn write_children(&self, w: &mut $crate::xml::Writer) {
                let _ = w;
                $( $crate::xml::sequence!(
                    @write $kind $element $($entry)? ; self.$field, w, $crate::xml::sequence!(@ns $ns $($over)?)
                ); )*
            }
        }
    };

    (@is_text text) => { true };
    (@is_text $kind:ident) => { false };

    (@ns $ns:ident) => { $crate::xml::Ns::$ns };
    (@ns $ns:ident $over:ident) => { $crate::xml::Ns::$over };

    (@read_attribute attribute $f:expr, $value:ident) => {
        $crate::xml::AttributeField::read_attribute_field(&mut $f, $value)
    };
    (@read_attribute required_attribute $f:expr, $value:ident) => {
        if let Some(read) = $crate::xml::Text::parse($value) {
            $f = read;
        }
    };
    (@read_attribute $kind:ident $f:expr, $value:ident) => {{}};

    (@pass_attribute base $f:expr, $name:ident, $value:ident) => {
        $crate::xml::Sequence::read_attribute(&mut $f, $name, $value.clone())
    };
    (@pass_attribute $kind:ident $f:expr, $name:ident, $value:ident) => {};

    (@read element ; $f:expr, $r:ident, $child:ident) => {
        $crate::xml::Field::read_field(&mut $f, $r, $child).map(|()| true)
    };
    (@read required ; $f:expr, $r:ident, $child:ident) => {{
        if let Some(read) = $crate::xml::Value::read($r, $child)? {
            $f = read;
        }
        Ok(true)
    }};
    (@read list $entry:literal ; $f:expr, $r:ident, $child:ident) => {
        $r.list($child, $entry, &mut $f).map(|()| true)
    };
    (@read required_list $entry:literal ; $f:expr, $r:ident, $child:ident) => {
        $r.list($child, $entry, &mut $f).map(|()| true)
    };
    (@read array ; $f:expr, $r:ident, $child:ident) => {
        $r.array($child, &mut $f).map(|()| true)
    };
    (@read required_array ; $f:expr, $r:ident, $child:ident) => {
        $r.array($child, &mut $f).map(|()| true)
    };
    (@read $kind:ident ; $f:expr, $r:ident, $child:ident) => { Ok(false) };

    (@offer choice $f:expr, $r:ident, $child:ident) => {
        if $crate::xml::ChoiceField::offer(&mut $f, $r, $child)? {
            return Ok(true);
        }
    };
    (@offer base $f:expr, $r:ident, $child:ident) => {
        if $crate::xml::Sequence::read_child(&mut $f, $r, $child)? {
            return Ok(true);
        }
    };
    (@offer $kind:ident $f:expr, $r:ident, $child:ident) => {};

    (@read_text text $f:expr, $text:ident) => {
        if let Some(read) = $crate::xml::Text::parse($text) {
            $f = read;
        }
    };
    (@read_text $kind:ident $f:expr, $text:ident) => {};

    (@write_attribute attribute $element:literal ; $f:expr, $w:ident) => {
        $crate::xml::AttributeField::write_attribute_field(&$f, $w, $element)
    };
    (@write_attribute required_attribute $element:literal ; $f:expr, $w:ident) => {
        $w.attribute($element, &$f)
    };
    (@write_attribute base $element:literal ; $f:expr, $w:ident) => {
        $crate::xml::Sequence::write_attributes(&$f, $w)
    };
    (@write_attribute $kind:ident $element:literal ; $f:expr, $w:ident) => {};

    (@write element $element:literal ; $f:expr, $w:ident, $ns:expr) => {
        $crate::xml::Field::write_field(&$f, $w, $ns, $element)
    };
    (@write required $element:literal ; $f:expr, $w:ident, $ns:expr) => {
        $crate::xml::Value::write(&$f, $w, $ns, $element)
    };
    (@write list $element:literal $entry:literal ; $f:expr, $w:ident, $ns:expr) => {
        if !$f.is_empty() {
            $w.list($ns, $element, $entry, &$f);
        }
    };
    (@write required_list $element:literal $entry:literal ; $f:expr, $w:ident, $ns:expr) => {
        $w.list($ns, $element, $entry, &$f)
    };
    (@write array $element:literal ; $f:expr, $w:ident, $ns:expr) => {
        if !$f.is_empty() {
            $w.array($ns, $element, &$f);
        }
    };
    (@write required_array $element:literal ; $f:expr, $w:ident, $ns:expr) => {
        $w.array($ns, $element, &$f)
    };
    (@write choice $element:literal ; $f:expr, $w:ident, $ns:expr) => {
        $crate::xml::ChoiceField::write_choices(&$f, $w)
    };
    (@write base $element:literal ; $f:expr, $w:ident, $ns:expr) => {
        $crate::xml::Sequence::write_children(&$f, $w)
    };
    (@write text $element:literal ; $f:expr, $w:ident, $ns:expr) => {
        $crate::xml::Text::write_text(&$f, $w)
    };
    (@write $kind:ident $element:literal $($entry:literal)? ; $f:expr, $w:ident, $ns:expr) => {};
}
pub(crate) use sequence;

/// Declares a choice of elements: `b"Element" => Variant(Type)`.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident in $ns:ident {
            $( $(#[$vmeta:meta])* $element:literal => $variant:ident($type:ty) ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $( $(#[$vmeta])* $variant($type), )+
        }

        impl $crate::xml::Choice for $name {
            fn read_choice(
                r: &mut $crate::xml::Reader<'_>,
                element: &$crate::xml::Start<'_>,
            ) -> Result<Option<Self>, $crate::Error> {
                Ok(match element.local().as_bytes() {
                    $( $element => <$type as $crate::xml::Value>::read(r, element)?.map(Self::$variant), )+
                    _ => None,
                })
            }

            fn write_choice(&self, w: &mut $crate::xml::Writer) {
                match self {
                    $( Self::$variant(value) => {
                        $crate::xml::Value::write(value, w, $crate::xml::Ns::$ns, $element)
                    } )+
                }
            }
        }
    };
}
pub(crate) use choice;
