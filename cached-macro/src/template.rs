//! Tag templates: `"user:{id}"`.

/// A stretch of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// `{root.field.0}`: what it names is checked against the function later.
    Value {
        root: String,
        fields: Vec<String>,
    },
}

/// The pieces of a template, in order. `{{` and `}}` are plain braces.
pub(crate) fn parse(template: &str) -> Result<Vec<Piece>, String> {
    if template.is_empty() {
        return Err("a tag cannot be empty; write `\"user:{id}\"`".to_owned());
    }
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            text.push_str(brace);
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err("`}` was never opened; write `}}` for a plain brace".to_owned());
        }
        let end = after
            .find('}')
            .ok_or("`{` is never closed; write `{{` for a plain brace")?;
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(value(&after[..end])?);
        rest = &after[end + 1..];
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// What stands between `{` and `}`.
fn value(inside: &str) -> Result<Piece, String> {
    if inside.trim().is_empty() {
        return Err("name an argument between `{` and `}`".to_owned());
    }
    if inside.contains(':') {
        let name = inside.split(':').next().unwrap_or_default().trim();
        return Err(format!(
            "a tag is written plainly, without a format; write `{{{name}}}`"
        ));
    }
    let mut names = inside.split('.').map(|name| name.trim().to_owned());
    let root = names.next().unwrap_or_default();
    let fields: Vec<String> = names.collect();
    let is_field = |name: &String| is_name(name) || is_index(name);
    if !is_name(&root) || !fields.iter().all(is_field) {
        return Err(format!(
            "`{{{inside}}}` is no argument; write `{{id}}`, `{{user.id}}` or `{{result.id}}`"
        ));
    }
    let root = root.strip_prefix("r#").map_or(root.clone(), str::to_owned);
    Ok(Piece::Value { root, fields })
}

fn is_name(name: &str) -> bool {
    let name = name.strip_prefix("r#").unwrap_or(name);
    name != "_" && (syn::parse_str::<syn::Ident>(name).is_ok() || is_keyword(name))
}

/// An argument `r#type` is named `{type}`.
fn is_keyword(name: &str) -> bool {
    name.starts_with(char::is_alphabetic) && name.chars().all(|c| c.is_ascii_alphabetic())
}

fn is_index(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_digit()) && name.parse::<u32>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::{Piece, parse};

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn value(root: &str, fields: &[&str]) -> Piece {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        Piece::Value {
            root: root.to_owned(),
            fields,
        }
    }

    #[test]
    fn templates_fall_into_pieces() {
        for (template, pieces) in [
            ("users", vec![text("users")]),
            ("user:{id}", vec![text("user:"), value("id", &[])]),
            ("{a}{b.c.0}", vec![value("a", &[]), value("b", &["c", "0"])]),
            ("{{{id}}}", vec![text("{"), value("id", &[]), text("}")]),
            ("a{{b}}c", vec![text("a{b}c")]),
            ("{self.tenant}", vec![value("self", &["tenant"])]),
            (
                "{result.org_id}!",
                vec![value("result", &["org_id"]), text("!")],
            ),
            ("{type}", vec![value("type", &[])]),
            ("{r#type}", vec![value("type", &[])]),
            ("{ id }", vec![value("id", &[])]),
            ("größe:{größe}", vec![text("größe:"), value("größe", &[])]),
        ] {
            assert_eq!(parse(template), Ok(pieces), "{template}");
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (template, message) in [
            ("", "a tag cannot be empty; write `\"user:{id}\"`"),
            (
                "user:{id",
                "`{` is never closed; write `{{` for a plain brace",
            ),
            (
                "user:id}",
                "`}` was never opened; write `}}` for a plain brace",
            ),
            ("user:{}", "name an argument between `{` and `}`"),
            ("user:{ }", "name an argument between `{` and `}`"),
            (
                "{id:03}",
                "a tag is written plainly, without a format; write `{id}`",
            ),
            (
                "{id()}",
                "`{id()}` is no argument; write `{id}`, `{user.id}` or `{result.id}`",
            ),
            (
                "{0}",
                "`{0}` is no argument; write `{id}`, `{user.id}` or `{result.id}`",
            ),
            (
                "{a..b}",
                "`{a..b}` is no argument; write `{id}`, `{user.id}` or `{result.id}`",
            ),
        ] {
            assert_eq!(parse(template), Err(message.to_owned()), "{template}");
        }
    }
}
