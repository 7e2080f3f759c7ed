//! How the closing line is made where no runner makes one for all programs.

use super::*;

#[test]
fn results_of_all_programs_are_summed() {
    let lines = [
        "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.01s".to_owned(),
        "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s".to_owned(),
    ];
    let sum = Counts::sum(&lines);
    assert_eq!(
        sum,
        Counts {
            passed: 5,
            failed: 1,
            ignored: 0,
            filtered_out: 1
        }
    );
    assert_eq!(
        sum.to_string(),
        "test result: FAILED. 5 passed; 1 failed; 0 ignored; 0 measured; 1 filtered out",
    );
}
