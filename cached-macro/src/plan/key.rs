//! What a key is made of.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, Expr, Type};

use super::{generics, no_argument};
use crate::args::Args;
use crate::errors::Errors;
use crate::function::{Borrow, Function, Param, first_span, peel};
use crate::tokens::{mention, mentions};

/// The parts of the key, and what of the function they come from.
pub(crate) struct Key {
    pub(crate) parts: Vec<Part>,
    /// Type parameters that tell calls apart.
    pub(crate) types: Vec<Ident>,
    /// Const parameters that do.
    pub(crate) constants: Vec<Ident>,
    /// Is the receiver part of the key?
    pub(crate) receiver: bool,
    /// For each argument: is it part of the key?
    pub(crate) params: Vec<bool>,
}

/// One part of the key.
pub(crate) struct Part {
    pub(crate) cfgs: Vec<Attribute>,
    /// Where a type that cannot be part of a key is reported.
    pub(crate) span: Span,
    pub(crate) kind: PartKind,
}

pub(crate) enum PartKind {
    Receiver {
        name: Ident,
        borrowed: bool,
    },
    Argument {
        name: Ident,
        borrowed: bool,
        opaque: bool,
    },
    /// One element of a batch.
    Element,
    Expression(Expr),
}

impl Key {
    pub(super) fn new(args: &Args, function: &Function, errors: &mut Errors) -> Self {
        let skip = args.skip.as_ref().map_or(&[][..], |skip| &skip.value);
        check_skip(skip, function, errors);
        let mut key = match &args.key {
            Some(key) => Self::chosen(&key.value, function, errors),
            None => Self::all_but_skipped(skip, args, function, errors),
        };
        (key.types, key.constants) = generics::counted(function, &key.params);
        key
    }

    /// `key(a, b.c)`
    fn chosen(expressions: &[Expr], function: &Function, errors: &mut Errors) -> Self {
        let uses = |name: &Ident| expressions.iter().any(|expr| mentions(expr, name));
        let params = function
            .params
            .iter()
            .map(|param| param.bound.iter().any(uses))
            .collect();
        let receiver = expressions
            .iter()
            .any(|expr| mention(expr, "self").is_some());
        for expr in expressions {
            if is_literal(expr) {
                errors.at(
                    expr,
                    "`key` takes expressions over the arguments; write `key(id)`, or `key()` for \
                     one entry",
                );
            }
            if let Some(root) = root(expr)
                && !is_known(&root, function)
            {
                let purpose = format!("in `{}`", function.sig.ident);
                errors.at(
                    &root,
                    no_argument(&root.unraw().to_string(), &purpose, function),
                );
            }
        }
        for param in function
            .params
            .iter()
            .filter(|param| param.borrow == Borrow::Mutable)
        {
            if param.bound.iter().any(uses) {
                mutable(param, errors);
            }
        }
        let part = |expr: &Expr| Part {
            cfgs: function.cfgs_for(expr),
            span: first_span(expr),
            kind: PartKind::Expression(expr.clone()),
        };
        let parts = expressions.iter().map(part).collect();
        Self {
            parts,
            types: Vec::new(),
            constants: Vec::new(),
            receiver,
            params,
        }
    }

    fn all_but_skipped(
        skip: &[Ident],
        args: &Args,
        function: &Function,
        errors: &mut Errors,
    ) -> Self {
        let is_skipped = |name: &Ident| skip.iter().any(|skipped| skipped.unraw() == name.unraw());
        let mut parts = Vec::new();
        let mut params = Vec::new();
        let mut in_part = false;
        let receiver = function
            .receiver
            .as_ref()
            .filter(|_| !skip.iter().any(|name| name == "self"));
        if let Some(receiver) = receiver {
            let name = Ident::from(receiver.written.self_token);
            if receiver.borrow == Borrow::Mutable {
                errors.at(
                    &receiver.written,
                    "`&mut self`: on a hit the body does not run and nothing is changed; take \
                     `&self`, or `skip(self)` if it does not matter",
                );
            }
            let borrowed = receiver.borrow != Borrow::Owned;
            let kind = PartKind::Receiver { name, borrowed };
            let cfgs = crate::function::cfgs(&receiver.written.attrs);
            parts.push(Part {
                cfgs,
                span: receiver.written.self_token.span,
                kind,
            });
        }
        for param in &function.params {
            let skipped = param.name.as_ref().is_some_and(is_skipped);
            params.push(!skipped);
            if skipped {
                continue;
            }
            let Some(name) = &param.name else {
                if param.bound.iter().any(is_skipped) {
                    // `check_skip` has said so.
                    in_part = true;
                    continue;
                }
                errors.at(
                    &param.pat,
                    "cannot key on an unnamed argument; give it a name, or list what to key on \
                     with `key(..)`",
                );
                continue;
            };
            if param.borrow == Borrow::Mutable {
                mutable(param, errors);
            }
            let kind = if args
                .each
                .as_ref()
                .is_some_and(|each| each.value.unraw() == name.unraw())
            {
                PartKind::Element
            } else {
                let borrowed = param.borrow != Borrow::Owned;
                PartKind::Argument {
                    name: name.clone(),
                    borrowed,
                    opaque: param.is_opaque(),
                }
            };
            let span = first_span(without_reference(&param.ty));
            parts.push(Part {
                cfgs: param.cfgs.clone(),
                span,
                kind,
            });
        }
        if let Some(skip) = &args.skip
            && parts.is_empty()
            && !in_part
            && !args.meant("each")
            && skip.value.len() >= function.params.len() + usize::from(function.receiver.is_some())
        {
            errors.at(
                &skip.name,
                "nothing is left for the key, so every call would share one entry; if that is \
                 wanted write `key()`",
            );
        }
        let receiver = receiver.is_some();
        Self {
            parts,
            types: Vec::new(),
            constants: Vec::new(),
            receiver,
            params,
        }
    }
}

/// `Db` of `&Db`: the reference itself is of no interest.
pub(super) fn without_reference(ty: &Type) -> &Type {
    match peel(ty) {
        Type::Reference(reference) => &reference.elem,
        _ => ty,
    }
}

fn mutable(param: &Param, errors: &mut Errors) {
    let name = param
        .bound
        .first()
        .map_or_else(|| "buf".to_owned(), ToString::to_string);
    errors.at(
        param.ty.to_token_stream(),
        format!(
            "`&mut` argument: on a hit the body does not run and nothing is changed; return the \
             change, or `skip({name})` if it does not matter"
        ),
    );
}

fn check_skip(skip: &[Ident], function: &Function, errors: &mut Errors) {
    for (i, name) in skip.iter().enumerate() {
        let text = name.unraw().to_string();
        if skip[..i]
            .iter()
            .any(|earlier| earlier.unraw() == name.unraw())
        {
            errors.at(name, format!("`{text}` is skipped twice"));
        } else if !is_known(name, function) {
            errors.at(name, no_argument(&text, "to skip", function));
        } else if let Some(param) = function.param(name)
            && param.name.is_none()
        {
            errors.at(
                name,
                format!("`{text}` is a part of an argument; name the argument to skip all of it"),
            );
        }
    }
}

fn is_known(name: &Ident, function: &Function) -> bool {
    if name == "self" {
        function.receiver.is_some()
    } else {
        function.param(name).is_some()
    }
}

/// The same in every call, whatever its string may look like.
fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) => true,
        Expr::Unary(unary) => is_literal(&unary.expr),
        Expr::Reference(reference) => is_literal(&reference.expr),
        Expr::Paren(paren) => is_literal(&paren.expr),
        Expr::Group(group) => is_literal(&group.expr),
        _ => false,
    }
}

/// The variable that an expression is about, if it can only be an argument.
fn root(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Path(path) => {
            let name = path.path.get_ident()?;
            let text = name.unraw().to_string();
            let variable = text.starts_with(|c: char| c.is_lowercase() || c == '_');
            variable.then(|| name.clone())
        }
        Expr::Field(field) => root(&field.base),
        Expr::MethodCall(call) => root(&call.receiver),
        Expr::Reference(reference) => root(&reference.expr),
        Expr::Index(index) => root(&index.expr),
        Expr::Paren(paren) => root(&paren.expr),
        Expr::Group(group) => root(&group.expr),
        Expr::Unary(unary) => root(&unary.expr),
        _ => None,
    }
}
