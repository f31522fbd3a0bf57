use crate::folder_shape::BaseShape;
use crate::property_path::PropertyPath;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:BodyTypeResponseType`: the form in which bodies come back.
    pub enum BodyTypeResponse {
        /// HTML if the body has any, else text.
        Best,
        Html = "HTML",
        Text,
    }
}

sequence! {
    /// `t:ItemResponseShapeType`: which properties of items come back.
    pub struct ItemShape in Types {
        required b"BaseShape" => base_shape: BaseShape,
        element b"IncludeMimeContent" => include_mime_content: Option<bool>,
        element b"BodyType" => body_type: Option<BodyTypeResponse>,
        element b"UniqueBodyType" => unique_body_type: Option<BodyTypeResponse>,
        element b"NormalizedBodyType" => normalized_body_type: Option<BodyTypeResponse>,
        element b"FilterHtmlContent" => filter_html_content: Option<bool>,
        element b"ConvertHtmlCodePageToUTF8" => convert_html_code_page_to_utf8: Option<bool>,
        element b"InlineImageUrlTemplate" => inline_image_url_template: Option<String>,
        element b"BlockExternalImages" => block_external_images: Option<bool>,
        element b"AddBlankTargetToLinks" => add_blank_target_to_links: Option<bool>,
        element b"MaximumBodySize" => maximum_body_size: Option<i32>,
        array b"AdditionalProperties" => additional_properties: Vec<PropertyPath>,
    }
}

impl ItemShape {
    /// Ids only, and these properties.
    pub fn ids_and(paths: impl IntoIterator<Item = PropertyPath>) -> Self {
        Self { additional_properties: paths.into_iter().collect(), ..Self::default() }
    }
}

sequence! {
    /// `t:AttachmentResponseShapeType`: what comes back of attachments.
    pub struct AttachmentShape in Types {
        element b"IncludeMimeContent" => include_mime_content: Option<bool>,
        element b"BodyType" => body_type: Option<BodyTypeResponse>,
        element b"FilterHtmlContent" => filter_html_content: Option<bool>,
        array b"AdditionalProperties" => additional_properties: Vec<PropertyPath>,
    }
}
