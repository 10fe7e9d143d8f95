//! What can go wrong: how it begins, and how it ends.

use crate::support::proxy::{Mode, Proxy};
use crate::support::refusing::{Foreign, Lack, No, Refusing, plant, user_with_all, user_without};
use crate::support::server::Server;

use super::READ;
use super::scene::NAMESPACE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    Killed,
    KilledWhileLoading,
    Hung,
    HungWhileLoading,
    BlackHole,
    /// Heartbeats are answered.
    OperationsHang,
    Refused,
    RepliesLost,
    CutShort,
    Garbled,
    Slow,
    DownAtStart,
    WrongPassword,
    RestartedEmpty,
    Flushed,
    Says(No),
    /// Nobody lets it in again once it is cut off.
    NoRoom,
    ReplicaAtStart,
    /// Taken away while it runs.
    Loses(Lack),
    /// From the start.
    Lacks(Lack),
    OtherTypes,
    ForeignBytes,
    TooLarge,
}

/// In the order of the table.
pub(super) const ALL: [Fault; 35] = [
    Fault::None,
    Fault::Killed,
    Fault::KilledWhileLoading,
    Fault::Hung,
    Fault::HungWhileLoading,
    Fault::BlackHole,
    Fault::OperationsHang,
    Fault::Refused,
    Fault::RepliesLost,
    Fault::CutShort,
    Fault::Garbled,
    Fault::Slow,
    Fault::DownAtStart,
    Fault::WrongPassword,
    Fault::RestartedEmpty,
    Fault::Flushed,
    Fault::Says(No::Replica),
    Fault::ReplicaAtStart,
    Fault::Says(No::Memory),
    Fault::Says(No::Snapshot),
    Fault::Says(No::Replicas),
    Fault::Says(No::Loading),
    Fault::Says(No::Script),
    Fault::Says(No::Clients),
    Fault::NoRoom,
    Fault::Loses(Lack::Writes),
    Fault::Loses(Lack::Scripts),
    Fault::Loses(Lack::Channels),
    Fault::Loses(Lack::Keys),
    Fault::Lacks(Lack::Tracking),
    Fault::Lacks(Lack::Info),
    Fault::Lacks(Lack::Wait),
    Fault::OtherTypes,
    Fault::ForeignBytes,
    Fault::TooLarge,
];

impl Fault {
    /// As the table calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Killed => "the server is killed",
            Self::KilledWhileLoading => "it is killed while loads run",
            Self::Hung => "it hangs",
            Self::HungWhileLoading => "it hangs while loads run",
            Self::BlackHole => "the network is a black hole",
            Self::OperationsHang => "only heartbeats get through",
            Self::Refused => "connections are cut, and refused",
            Self::RepliesLost => "replies are lost",
            Self::CutShort => "replies are cut short",
            Self::Garbled => "replies are garbled",
            Self::Slow => "every reply is late",
            Self::DownAtStart => "it is down when the process starts",
            Self::WrongPassword => "wrong password when the process starts",
            Self::RestartedEmpty => "it came back, empty",
            Self::Flushed => "`FLUSHALL`",
            Self::Says(No::Replica) => "it was made a replica",
            Self::ReplicaAtStart => "it is a replica when the process starts",
            Self::Says(No::Memory) => "memory is full, nothing is evicted",
            Self::Says(No::Snapshot) => "no writes, a snapshot failed",
            Self::Says(No::Replicas) => "no writes, too few replicas",
            Self::Says(No::Loading) => "it loads its data",
            Self::Says(No::Script) => "it is busy with a script",
            Self::Says(No::Clients) => "it takes no more clients",
            Self::NoRoom => "it takes no more clients, and cut this one off",
            Self::Loses(Lack::Writes) => "the user may not write",
            Self::Loses(Lack::Scripts) => "the user may run no scripts",
            Self::Loses(Lack::Channels) => "the user may use no channels",
            Self::Loses(Lack::Keys) => "the user may not use these keys",
            Self::Lacks(Lack::Tracking) => "the user may not use `CLIENT TRACKING`",
            Self::Lacks(Lack::Info) => "the user may not use `INFO`",
            Self::Lacks(Lack::Wait) => "the user may not use `WAIT`",
            Self::OtherTypes => "lists are where our keys were",
            Self::ForeignBytes => "foreign bytes are where our keys were",
            Self::TooLarge => "values are larger than `max_size`",
            Self::Loses(_) | Self::Lacks(_) => unreachable!("not in the table"),
        }
    }

    /// It begins before the process that is looked at, which has no copies then.
    pub(super) fn is_there_before(self) -> bool {
        matches!(
            self,
            Self::DownAtStart | Self::WrongPassword | Self::ReplicaAtStart
        )
    }

    /// Loads run when it begins.
    pub(super) fn interrupts(self) -> bool {
        matches!(self, Self::KilledWhileLoading | Self::HungWhileLoading)
    }

    /// A copy is confirmed by a question each time.
    pub(super) fn hears_no_pushes(self) -> bool {
        matches!(self, Self::Lacks(Lack::Tracking | Lack::Info))
    }

    /// A server that does not push is asked again after ten seconds.
    pub(super) fn heals_slowly(self) -> bool {
        self.hears_no_pushes()
    }

    pub(super) async fn server(self) -> Server {
        let options = Server::options();
        match self {
            Self::WrongPassword => options.password("right").start().await,
            _ => options.start().await,
        }
    }

    /// What the process that is looked at connects to.
    pub(super) async fn url(self, server: &Server, road: &Proxy) -> String {
        let direct = format!(":{}/", server.port());
        let detour = format!(":{}/", road.port());
        match self {
            Self::WrongPassword => road.url().replace("right", "wr0ng"),
            Self::Loses(_) => user_with_all(server).await.replace(&direct, &detour),
            Self::Lacks(lack) => user_without(server, lack).await,
            _ => road.url(),
        }
    }

    /// What the other process connects to. Who sees nothing of a server but its address has to see the same one.
    pub(super) fn other_url(self, url: &str, server: &Server) -> String {
        match self {
            Self::Lacks(_) => url.to_owned(),
            _ => server.url(),
        }
    }

    /// Whatever is refused or lost, pushes are heard.
    pub(super) fn leaves_pushes(self) -> bool {
        matches!(
            self,
            Self::None
                | Self::RestartedEmpty
                | Self::Flushed
                | Self::OtherTypes
                | Self::ForeignBytes
                | Self::TooLarge
                | Self::Says(No::Memory | No::Snapshot | No::Replicas | No::Clients)
                | Self::Lacks(Lack::Wait)
                | Self::Loses(Lack::Writes | Lack::Scripts | Lack::Channels)
        )
    }

    /// In force on return.
    pub(super) async fn begin<'a>(self, server: &'a Server, road: &Proxy) -> Option<Refusing<'a>> {
        match self {
            Self::None | Self::WrongPassword | Self::Lacks(_) | Self::TooLarge => {}
            Self::Killed | Self::KilledWhileLoading => server.kill(),
            Self::Hung | Self::HungWhileLoading => server.stop(),
            Self::BlackHole => road.set(Mode::BlackHole).await,
            Self::OperationsHang => road.set(Mode::OperationsHang).await,
            Self::Refused => {
                road.set(Mode::Refuse).await;
                road.cut().await;
            }
            Self::DownAtStart => road.set(Mode::Refuse).await,
            Self::RepliesLost => road.set(Mode::LoseReplies).await,
            Self::CutShort => road.set(Mode::Truncate(3)).await,
            Self::Garbled => road.set(Mode::Garble).await,
            // There and back.
            Self::Slow => road.set(Mode::Delay(READ)).await,
            Self::RestartedEmpty => server.restart().await,
            Self::Flushed => server.flush().await,
            Self::Says(no) => return Some(Refusing::begin(server, no).await),
            Self::NoRoom => {
                let refusing = Refusing::begin(server, No::Clients).await;
                let mut admin = refusing.admin();
                let set = ["SET", "maxclients", "1"];
                let set = redis::cmd("CONFIG").arg(&set).exec_async(&mut admin).await;
                set.expect("the setting is taken");
                road.cut().await;
                return Some(refusing);
            }
            Self::ReplicaAtStart => return Some(Refusing::begin(server, No::Replica).await),
            Self::Loses(lack) => drop(user_without(server, lack).await),
            Self::OtherTypes => spoil(server, Foreign::List).await,
            Self::ForeignBytes => spoil(server, Foreign::Bytes(b"something else")).await,
        }
        None
    }

    pub(super) async fn end(self, server: &Server, road: &Proxy, refusing: Option<Refusing<'_>>) {
        if let Some(refusing) = refusing {
            return refusing.heal().await;
        }
        match self {
            Self::Killed | Self::KilledWhileLoading => server.restart().await,
            Self::Hung | Self::HungWhileLoading => server.cont(),
            Self::BlackHole
            | Self::OperationsHang
            | Self::Refused
            | Self::DownAtStart
            | Self::RepliesLost
            | Self::CutShort
            | Self::Garbled
            | Self::Slow => road.set(Mode::Pass).await,
            Self::WrongPassword => {
                let mut admin = server.admin().await;
                let set = ["SET", "requirepass", "wr0ng"];
                let set = redis::cmd("CONFIG").arg(&set).exec_async(&mut admin).await;
                set.expect("the setting is taken");
            }
            Self::Loses(_) => drop(user_with_all(server).await),
            Self::Lacks(_) => {
                user_with_all(server).await;
                // What a server shows is asked when a connection begins.
                server.client_kill().await;
            }
            _ => {}
        }
    }
}

/// Puts something else where entries, leases and tokens are. What keeps the whole namespace together comes last:
/// who hears that it changed has heard of the rest.
async fn spoil(server: &Server, what: Foreign<'_>) {
    let entries = format!("{NAMESPACE}:v:");
    let mut keys = server.keys(&format!("{NAMESPACE}:*")).await;
    // Of the missing there is nothing but where its lease would be.
    server.evict(&format!("{entries}{{missing:*")).await;
    let leases: Vec<_> = keys
        .iter()
        .filter_map(|key| Some(format!("{NAMESPACE}:l:{}", key.strip_prefix(&entries)?)))
        .collect();
    keys.retain(|key| !key.contains(":c:") && !key.contains(":v:{missing:"));
    keys.extend(leases);
    keys.sort_by_key(|key| key.contains(":{@ns."));
    for key in keys {
        plant(server, &key, what).await;
    }
}
