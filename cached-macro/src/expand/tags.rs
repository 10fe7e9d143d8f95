//! The pieces of one tag.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::LitStr;

use crate::plan::{Tag, TagPiece};
use crate::tokens::placed;

/// `[Piece::text("user:"), Piece::arg(&id)]`
pub(crate) fn pieces(tag: &Tag, k: &TokenStream) -> TokenStream {
    let at = Span::mixed_site().located_at(tag.span);
    let k = placed(k, at);
    let pieces = tag.pieces.iter().map(|piece| match piece {
        TagPiece::Text(text) => {
            let text = LitStr::new(text, at);
            quote_spanned! {at=> #k::Piece::text(#text) }
        }
        TagPiece::Argument { name, fields } => {
            quote_spanned! {at=> #k::Piece::arg(&#name #(.#fields)*) }
        }
        // Written when there is a value, so it captures nothing and becomes a function pointer.
        TagPiece::Result { fields } if fields.is_empty() => {
            quote_spanned! {at=> #k::Piece::result(|result, out| #k::write(out, result)) }
        }
        TagPiece::Result { fields } => {
            quote_spanned! {at=>
                #k::Piece::result(|result, out| #k::write(out, &result #(.#fields)*))
            }
        }
    });
    quote_spanned! {at=> [#(#pieces),*] }
}
