//! Search filters.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwssrch/> section 2.2.4

use crate::Error;
use crate::property_path::PropertyPath;
use crate::xml::{Choice, Ns, Reader, Start, Text, Value as _, Writer, choice, open_enum, sequence};

open_enum! {
    /// `t:ContainmentModeType`: how `Contains` compares.
    pub enum ContainmentMode { FullString, Prefixed, Substring, PrefixOnWords, ExactPhrase }
}

open_enum! {
    /// `t:ContainmentComparisonType`: which differences `Contains` overlooks.
    pub enum ContainmentComparison {
        Exact,
        IgnoreCase,
        IgnoreNonSpacingCharacters,
        Loose,
        IgnoreCaseAndNonSpacingCharacters,
        LooseAndIgnoreCase,
        LooseAndIgnoreNonSpace,
        LooseAndIgnoreCaseAndIgnoreNonSpace,
    }
}

sequence! {
    /// `t:ConstantValueType`.
    #[derive(Eq)]
    pub struct Constant in Types {
        required_attribute b"Value" => value: String,
    }
}

/// `t:FieldURIOrConstantType`: the right-hand side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A fixed value in its text form.
    Constant(String),
    /// Another property of the same item.
    Path(PropertyPath),
}

impl Choice for Operand {
    fn read_choice(r: &mut Reader<'_>, element: &Start<'_>) -> Result<Option<Self>, Error> {
        if element.local() == "Constant" {
            return Ok(Constant::read(r, element)?.map(|constant| Self::Constant(constant.value)));
        }
        Ok(PropertyPath::read_choice(r, element)?.map(Self::Path))
    }
    fn write_choice(&self, w: &mut Writer) {
        match self {
            Self::Constant(value) => {
                w.start(Ns::Types, b"Constant");
                w.attribute(b"Value", value);
                w.end(Ns::Types, b"Constant");
            }
            Self::Path(path) => path.write_choice(w),
        }
    }
}

sequence! {
    /// `t:TwoOperandExpressionType`: property, then what it is compared with.
    pub struct TwoOperands in Types {
        choice b"(path)" => path: Option<PropertyPath>,
        required_array b"FieldURIOrConstant" => operand: Option<Operand>,
    }
}

sequence! {
    /// `t:ExistsType`.
    pub struct Exists in Types {
        choice b"(path)" => path: Option<PropertyPath>,
    }
}

sequence! {
    /// `t:ContainsExpressionType`: a string property contains a text.
    pub struct Contains in Types {
        attribute b"ContainmentMode" => mode: Option<ContainmentMode>,
        attribute b"ContainmentComparison" => comparison: Option<ContainmentComparison>,
        choice b"(path)" => path: Option<PropertyPath>,
        required b"Constant" => constant: Constant,
    }
}

sequence! {
    /// `t:ExcludesType`: none of the mask's bits is set in an integer property.
    pub struct Excludes in Types {
        choice b"(path)" => path: Option<PropertyPath>,
        required b"Bitmask" => bitmask: Constant,
    }
}

sequence! {
    /// `t:MultipleOperandBooleanExpressionType`: the operands of `And` and `Or`; the schema wants two or more.
    pub struct Operands in Types {
        choice b"(expressions)" => expressions: Vec<SearchExpression>,
    }
}

choice! {
    /// `t:SearchExpressionType`: a tree of conditions.
    pub enum SearchExpression in Types {
        b"And" => And(Operands),
        b"Or" => Or(Operands),
        b"Not" => Not(Operands),
        b"Exists" => Exists(Exists),
        b"IsEqualTo" => IsEqualTo(TwoOperands),
        b"IsNotEqualTo" => IsNotEqualTo(TwoOperands),
        b"IsGreaterThan" => IsGreaterThan(TwoOperands),
        b"IsGreaterThanOrEqualTo" => IsGreaterThanOrEqualTo(TwoOperands),
        b"IsLessThan" => IsLessThan(TwoOperands),
        b"IsLessThanOrEqualTo" => IsLessThanOrEqualTo(TwoOperands),
        b"Contains" => Contains(Contains),
        b"Excludes" => Excludes(Excludes),
        /// `t:SearchExpression` itself, which is abstract; a condition this version has no word for.
        b"SearchExpression" => Unknown(Operands),
    }
}

impl SearchExpression {
    /// The property equals a constant.
    pub fn equals(path: impl Into<PropertyPath>, value: impl Into<String>) -> Self {
        Self::IsEqualTo(TwoOperands {
            path: Some(path.into()),
            operand: Some(Operand::Constant(value.into())),
        })
    }

    /// The property is there.
    pub fn exists(path: impl Into<PropertyPath>) -> Self {
        Self::Exists(Exists { path: Some(path.into()) })
    }

    /// The string property begins with a text, letter case ignored.
    pub fn has_prefix(path: impl Into<PropertyPath>, text: impl Into<String>) -> Self {
        Self::Contains(Contains {
            mode: Some(ContainmentMode::Prefixed),
            comparison: Some(ContainmentComparison::IgnoreCase),
            path: Some(path.into()),
            constant: Constant { value: text.into() },
        })
    }

    /// All of the conditions; one alone stands for itself.
    pub fn all(mut expressions: Vec<Self>) -> Self {
        match expressions.len() {
            1 => expressions.swap_remove(0),
            _ => Self::And(Operands { expressions }),
        }
    }

    /// Any of the conditions; one alone stands for itself.
    pub fn any(mut expressions: Vec<Self>) -> Self {
        match expressions.len() {
            1 => expressions.swap_remove(0),
            _ => Self::Or(Operands { expressions }),
        }
    }

    /// Not the condition.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Operands { expressions: vec![self] })
    }
}

/// `t:ExcludesValueType` is written in decimal or as `0x…`.
pub fn bitmask(text: &str) -> Option<u32> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => u32::parse(text.into()),
    }
}
