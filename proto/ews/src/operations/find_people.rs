use crate::folder_shape::BaseShape;
use crate::operation::{ResponseMessage, operation};
use crate::operations::create_item::TargetFolderId;
use crate::operations::find_folder::Restriction;
use crate::operations::find_item::{FieldOrder, IndexedPageView};
use crate::persona::Persona;
use crate::property_path::PropertyPath;
use crate::xml::sequence;

sequence! {
    /// `t:PersonaResponseShapeType`: which properties of personas come back.
    pub struct PersonaShape in Types {
        required b"BaseShape" => base_shape: BaseShape,
        array b"AdditionalProperties" => additional_properties: Vec<PropertyPath>,
    }
}

sequence! {
    /// Lists people of a contacts folder or of the directory.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwspers/> section 3.1.4.1
    pub struct FindPeople in Messages {
        element b"PersonaShape" => persona_shape: Option<PersonaShape>,
        required b"IndexedPageItemView" => indexed_page_item_view: IndexedPageView,
        element b"Restriction" => restriction: Option<Restriction>,
        element b"AggregationRestriction" => aggregation_restriction: Option<Restriction>,
        list b"SortOrder" / b"FieldOrder" => sort_order: Vec<FieldOrder>,
        /// The folder `directory` needs a query.
        element b"ParentFolderId" => parent_folder_id: Option<TargetFolderId>,
        element b"QueryString" => query_string: Option<String>,
    }
}

operation!(FindPeople, "FindPeople" -> ResponseMessage<FindPeopleMessage>);

sequence! {
    /// `m:FindPeopleResponseMessageType`: one page of people.
    pub struct FindPeopleMessage in Messages {
        list b"People" / b"Persona" => people: Vec<Persona>,
        element b"TotalNumberOfPeopleInView" => total_number_of_people_in_view: Option<i32>,
        element b"FirstMatchingRowIndex" => first_matching_row_index: Option<i32>,
        element b"FirstLoadedRowIndex" => first_loaded_row_index: Option<i32>,
        element b"TransactionId" => transaction_id: Option<String>,
    }
}
