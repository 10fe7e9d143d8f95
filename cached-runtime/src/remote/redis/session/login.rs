//! Who we are there, and which database is meant.

use ::redis::{Pipeline, ProtocolVersion, Value};

use super::super::error::{Trouble, checked};
use super::super::settings::Checked;
use super::exchange::Session;

/// The first commands of a session. That a server does not know how we are called is no harm.
pub(super) async fn log_in(session: &Session, settings: &Checked) -> Result<(), Trouble> {
    let login = settings.login(ProtocolVersion::RESP2);
    let mut commands = Pipeline::new();
    if let Some(password) = login.password() {
        commands.cmd("AUTH").arg(login.username()).arg(password);
    }
    if login.db() != 0 {
        commands.cmd("SELECT").arg(login.db());
    }
    let needed = commands.len();
    for (what, name) in [
        ("LIB-NAME", "cache-aside"),
        ("LIB-VER", env!("CARGO_PKG_VERSION")),
    ] {
        commands.cmd("CLIENT").arg(&["SETINFO", what, name]);
    }
    let replies = session.exchange(&commands).await?;
    for reply in replies.into_iter().take(needed) {
        if !matches!(checked(reply)?, Value::Okay) {
            return Err(Trouble::garbled());
        }
    }
    Ok(())
}
