use super::Bar;
use crate::rounds::Progress;

/// What is written while so many keys are touched, of which the last two fail.
fn written(total: usize, redraws: bool) -> String {
    let mut out = Vec::new();
    let mut bar = Bar::new(&mut out, redraws);
    for done in 1..=total {
        let failed = (done + 2).saturating_sub(total);
        bar.show(&Progress {
            loaded: done - failed,
            failed,
            ..Progress::of(total)
        });
    }
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn on_a_terminal_one_line_is_redrawn() {
    let written = written(4, true);
    let lines = [
        "\rwarming [#######-----------------------]  25 % 1/4",
        "\rwarming [###############---------------]  50 % 2/4",
        "\rwarming [######################--------]  75 % 3/4, 1 failed",
        "\rwarming [##############################] 100 % 4/4, 2 failed\n",
    ];
    assert_eq!(written, lines.concat());
}

#[test]
fn elsewhere_there_is_a_line_for_each_tenth() {
    let written = written(1_000, false);
    assert!(!written.contains('\r'), "{written}");
    let lines: Vec<_> = written.lines().collect();
    assert_eq!(lines.len(), 11, "{written}");
    assert_eq!(
        lines[5],
        "warming [###############---------------]  50 % 500/1000"
    );
    assert_eq!(
        lines[10],
        "warming [##############################] 100 % 1000/1000, 2 failed"
    );
}

#[test]
fn a_percentage_that_stays_is_not_drawn_again() {
    let written = written(100_000, true);
    assert_eq!(written.matches('\r').count(), 101);
}
