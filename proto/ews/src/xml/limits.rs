/// What a peer may make us read. Everything beyond is an error, never a slow death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest document, in bytes. Exchange's own default for a request is 64 MiB.
    pub bytes: usize,
    /// Deepest nesting of elements. A message attached to a message costs four levels.
    pub depth: usize,
    /// Most attributes on one element.
    pub attributes: usize,
    /// Most memory for the decoded structures themselves, in bytes, texts not counted (they are bounded by the
    /// document): a small element such as `<t:Message/>` decodes into a large structure.
    pub memory: usize,
}

impl Limits {
    /// 64 MiB of text, 100 levels, 64 attributes, 256 MiB of structures.
    pub const DEFAULT: Self = Self { bytes: 64 << 20, depth: 100, attributes: 64, memory: 256 << 20 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
