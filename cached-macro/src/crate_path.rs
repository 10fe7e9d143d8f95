//! Where generated code finds the library.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::parse::ParseStream;
use syn::{LitStr, Path};

/// The value of `crate = ..`: an absolute path, since the expansion may stand in any module.
pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Path> {
    if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        let path = text.value();
        return Err(syn::Error::new_spanned(
            text,
            format!("`crate` takes a path; write `crate = {path}` without quotes"),
        ));
    }
    let path = input.call(Path::parse_mod_style)?;
    if path.leading_colon.is_none() && path.segments[0].ident != "crate" {
        return Err(syn::Error::new_spanned(
            path,
            "path must start with `::` or `crate::`; write `::my_dep::cache_aside`",
        ));
    }
    Ok(path)
}

/// The name in a function of the module made for generated code. Items are not hygienic, so it is
/// one that nobody else gives.
pub(crate) fn alias() -> TokenStream {
    quote_spanned! {Span::mixed_site()=> __k }
}

/// Brings [`alias`] into scope, once for a function.
pub(crate) fn import(path: Option<&Path>) -> TokenStream {
    let (private, alias) = (private(path), alias());
    quote_spanned! {Span::mixed_site()=> use #private as #alias; }
}

/// The path of that module, for what stands outside of a function's body.
pub(crate) fn private(path: Option<&Path>) -> TokenStream {
    let here = Span::mixed_site();
    if let Some(path) = path {
        quote_spanned! {here=> #path::__private }
    } else {
        quote_spanned! {here=> ::cache_aside::__private }
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, private};
    use syn::parse::Parser;

    #[test]
    fn only_absolute_paths_are_taken() {
        for accepted in ["::shelf", "::a::b", "crate::re_export", "crate"] {
            let path = parse.parse_str(accepted).expect("accepted");
            let expected = format!("{accepted}::__private").replace("::", " :: ");
            assert_eq!(
                private(Some(&path)).to_string(),
                expected.trim_start(),
                "{accepted}"
            );
        }
        for refused in ["shelf", "self::a", "super::a", "\"::shelf\""] {
            assert!(parse.parse_str(refused).is_err(), "{refused}");
        }
    }
}
