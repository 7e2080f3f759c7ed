//! tmp
pub(crate) mod config;
pub(crate) mod fields;
pub(crate) mod file_path;
pub(crate) mod front_matter;
pub(crate) mod ignore;
pub(crate) mod slug;
pub(crate) mod source;
pub(crate) mod yaml;
fn sort(problems: &mut Vec<base::Problem>) {
    problems.sort_by(|left, right| {
        let key = |problem: &base::Problem| (problem.place.clone(), problem.code, problem.detail.clone());
        key(left).cmp(&key(right))
    });
    problems.dedup();
}
