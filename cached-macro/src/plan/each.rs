//! The argument that makes a batch.

use syn::Type;
use syn::ext::IdentExt;

use super::function::type_argument;
use super::key::without_reference;
use super::no_argument;
use super::options::later;
use crate::args::Args;
use crate::errors::Errors;
use crate::function::Function;

pub(super) fn check(args: &Args, function: &Function, errors: &mut Errors) {
    const COLLECTIONS: &str = "`each` takes a `Vec`, slice, `VecDeque`, `HashSet` or `BTreeSet` of \
                               keys; name one of these types";
    let Some(each) = &args.each else { return };
    let name = each.value.unraw();
    let Some(param) = function.param(&each.value).filter(|_| name != "self") else {
        let message = no_argument(&name.to_string(), "for `each`", function);
        errors.at(&each.value, message);
        return;
    };
    let mut skipped = args.skip.iter().flat_map(|skip| &skip.value);
    if let Some(skipped) = skipped.find(|skipped| skipped.unraw() == name) {
        errors.at(
            later(&each.value, skipped),
            format!("`{name}` is skipped, so `each` has no keys; keep it"),
        );
    }
    if param.name.is_none() {
        errors.at(
            &param.pat,
            format!("`each` needs the whole argument; name it `{name}`"),
        );
    }
    if param.is_opaque() || matches!(without_reference(&param.ty), Type::Array(_)) {
        errors.at(&param.ty, COLLECTIONS);
    }
    if let Some(value) = function.output.as_ref().and_then(optional_value) {
        errors.at(
            value,
            "a `None` in the map would be stored as a value; return the values themselves, and \
             leave out of the map what is not there",
        );
    }
    if let Some(cfg) = param.cfgs.first() {
        errors.at(
            cfg,
            format!("`each` cannot do without `{name}`; put the `cfg` on the function"),
        );
    }
}

/// The `Option<V>` of a `HashMap<K, Option<V>>`, also inside of a `Result`.
fn optional_value(output: &Type) -> Option<&Type> {
    let map = type_argument(output, &["Result"], 0).unwrap_or(output);
    let value = type_argument(map, &["HashMap", "BTreeMap"], 1)?;
    type_argument(value, &["Option"], 0).map(|_| value)
}
