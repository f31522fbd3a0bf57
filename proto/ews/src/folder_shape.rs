use crate::property_path::PropertyPath;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:DefaultShapeNamesType`: how much comes back before additional properties.
    #[derive(Default)]
    pub enum BaseShape {
        #[default]
        IdOnly,
        Default,
        AllProperties,
        PcxPeopleSearch,
    }
}

sequence! {
    /// `t:FolderResponseShapeType`: which properties of folders come back.
    pub struct FolderShape in Types {
        required b"BaseShape" => base_shape: BaseShape,
        array b"AdditionalProperties" => additional_properties: Vec<PropertyPath>,
    }
}
