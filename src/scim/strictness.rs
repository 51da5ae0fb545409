//! How a message from the other side is read.

/// The choice between the letter of the RFCs and what clients in the field send.
///
/// It decides about reading alone: what is written is always exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strictness {
    /// What the RFCs do not allow is refused: unknown attributes, booleans in strings, words without quotation marks,
    /// a lone value where a list is due.
    Strict,
    /// What a client obviously means is understood, and what nobody knows is passed over.
    #[default]
    Lenient,
}

impl Strictness {
    /// True where only the letter counts.
    pub fn is_strict(self) -> bool {
        self == Self::Strict
    }
}
