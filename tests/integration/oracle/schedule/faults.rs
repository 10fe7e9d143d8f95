//! What goes wrong in a schedule.

use std::time::Duration;

use cache_aside::remote::double::{Op, Trouble};

use super::stage::Stage;

impl Stage {
    pub(super) fn break_something(&mut self) {
        let member = self.dice.index(self.members.len());
        if self.members[member].by_hand && self.dice.percent(60) {
            return self.break_pushes(member);
        }
        let remote = self.members[member].remote.clone();
        let (server, mut fault) = (self.server.clone(), self.dice.below(15));
        if self.cast.keeps_cells() && fault < 7 {
            fault += 7;
        }
        self.memory()
            .note(move || format!("fault {fault}, process {member}"));
        let writes = [Op::Rotate, Op::Remove];
        match fault {
            0 => server.flush(),
            1 | 2 => server.evict_cells(),
            3 | 4 => self.snapshot = Some(server.snapshot()),
            5 => server.restart(self.snapshot.as_ref()),
            6 => match &self.snapshot {
                Some(snapshot) => server.fail_over(snapshot),
                None => server.restart(None),
            },
            7 => {
                remote.cut();
                remote.mend();
            }
            8 => remote.begin(Trouble::LoseRequest, &Op::ALL),
            9 => remote.begin(Trouble::LoseRequest, &writes),
            10 => remote.begin(Trouble::LoseReply, &Op::ALL),
            11 => remote.silence(true),
            12 => {
                let time = Duration::from_millis(self.dice.below(300));
                self.asleep = Some((member, self.memory().now() + time));
            }
            _ => self.mend(),
        }
    }

    fn break_pushes(&mut self, member: usize) {
        let (remote, fault) = (&self.members[member].remote, self.dice.below(7));
        self.memory()
            .note(move || format!("fault {fault} of the pushes to process {member}"));
        match fault {
            0 | 1 => remote.cut_pushes_silently(),
            2 | 3 => remote.break_pushes(),
            4 if self.cast.early_answers => self.server.end_of_cycle(),
            _ => drop(remote.follow_again()),
        }
    }

    fn mend(&self) {
        self.mend_requests();
        self.mend_pushes();
    }

    pub(super) fn mend_requests(&self) {
        for member in &self.members {
            member.remote.end(Trouble::LoseRequest);
            member.remote.end(Trouble::LoseReply);
            member.remote.silence(false);
        }
    }

    pub(super) fn mend_pushes(&self) {
        for member in &self.members {
            if member.by_hand && !member.remote.is_followed() {
                member.remote.follow_again();
            }
        }
    }
}
