//! Templates against the function.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{Attribute, Expr, ExprLit, Index, Lit, LitStr, Member};

use super::no_argument;
use crate::args::TEMPLATES;
use crate::duration::peel;
use crate::errors::Errors;
use crate::function::Function;
use crate::template::{self, Piece};

/// One template whose names are known.
pub(crate) struct Tag {
    /// Of the arguments it is about.
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) span: Span,
    pub(crate) pieces: Vec<TagPiece>,
}

pub(crate) enum TagPiece {
    Text(String),
    Argument { name: Ident, fields: Vec<Member> },
    Result { fields: Vec<Member> },
}

pub(crate) fn resolve(templates: &[Expr], function: &Function, errors: &mut Errors) -> Vec<Tag> {
    templates
        .iter()
        .filter_map(|template| tag(template, function, errors))
        .collect()
}

fn tag(template: &Expr, function: &Function, errors: &mut Errors) -> Option<Tag> {
    let template = match peel(template.clone()) {
        Expr::Lit(ExprLit {
            lit: Lit::Str(template),
            ..
        }) => template,
        other => {
            errors.at(other, TEMPLATES);
            return None;
        }
    };
    let parsed = match template::parse(&template.value()) {
        Ok(parsed) => parsed,
        Err(message) => {
            errors.at(&template, message);
            return None;
        }
    };
    let mut cfgs = Vec::new();
    let mut pieces = Vec::new();
    for piece in parsed {
        match piece {
            Piece::Text(text) => pieces.push(TagPiece::Text(text)),
            Piece::Value { root, fields } => {
                let fields = fields
                    .iter()
                    .map(|field| member(field, template.span()))
                    .collect();
                pieces.push(value(
                    &root, fields, &template, function, &mut cfgs, errors,
                )?);
            }
        }
    }
    Some(Tag {
        cfgs,
        span: template.span(),
        pieces,
    })
}

fn value(
    root: &str,
    fields: Vec<Member>,
    template: &LitStr,
    function: &Function,
    cfgs: &mut Vec<Attribute>,
    errors: &mut Errors,
) -> Option<TagPiece> {
    // The place of the template, where the name means what it means in the function.
    let at = |name: &Ident| {
        let mut name = name.clone();
        name.set_span(template.span().resolved_at(name.span()));
        name
    };
    let param = function.params.iter().find_map(|param| {
        let name = param.bound.iter().find(|name| name.unraw() == root)?;
        Some((param, name))
    });
    if root == "result" {
        if let Some((_, argument)) = param {
            errors.at(
                template,
                format!(
                    "`{{result}}` is what the function returns; rename the argument `{argument}` \
                     to use it here"
                ),
            );
            return None;
        }
        return Some(TagPiece::Result { fields });
    }
    if let (true, Some(receiver)) = (root == "self", &function.receiver) {
        let name = at(&Ident::from(receiver.written.self_token));
        return Some(TagPiece::Argument { name, fields });
    }
    if let Some((param, name)) = param {
        cfgs.extend(param.cfgs.iter().cloned());
        return Some(TagPiece::Argument {
            name: at(name),
            fields,
        });
    }
    let purpose = format!("in `{}`", function.sig.ident);
    errors.at(template, no_argument(root, &purpose, function));
    None
}

/// A field, by its name or its place in a tuple.
fn member(field: &str, span: Span) -> Member {
    if let Ok(index) = field.parse() {
        return Member::Unnamed(Index { index, span });
    }
    let mut name = syn::parse_str::<Ident>(field)
        .unwrap_or_else(|_| Ident::new_raw(field.trim_start_matches("r#"), span));
    name.set_span(span);
    Member::Named(name)
}
