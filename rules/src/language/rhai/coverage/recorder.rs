//! Counts what ran. One evaluation leaves a trail on its thread, which is read when it is over: which way a choice went
//! shows in what came next, and an error inside a condition is no way at all.

use super::Node;
use super::reachable::{Choice, Reachable, reachable};
use crate::language::coverage::{BranchCoverage, FileCoverage, LineCoverage};
use crate::language::rhai::dictionary::Dictionary;
use crate::language::rhai::script::Script;
use rhai::Engine;
use rhai::debugger::{DebuggerCommand, DebuggerEvent};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

thread_local! {
    /// What the evaluation of this thread has evaluated so far, each with the depth of calls.
    static TRAIL: RefCell<Vec<(Node, usize)>> = const { RefCell::new(Vec::new()) };
}

pub struct Recorder {
    reachable: Reachable,
    files: Vec<Arc<str>>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    nodes: HashMap<Node, u64>,
    /// By the node of the choice and the index of the side.
    sides: HashMap<(Node, usize), u64>,
}

impl Recorder {
    pub fn new(scripts: &[Script]) -> Recorder {
        let files = scripts.iter().map(|script| script.file.clone()).collect();
        Recorder { reachable: reachable(scripts), files, counts: Mutex::default() }
    }

    /// Makes an engine leave a trail.
    pub fn listen(engine: &mut Engine, dictionary: &Arc<Dictionary>) {
        let dictionary = dictionary.clone();
        #[allow(deprecated)] // rhai marks it as volatile, not as going away.
        engine.register_debugger(
            |_, debugger| debugger,
            move |context, event, node, source, _| {
                // The end of a function, of the host's own too, is told as a statement; it is none.
                if !matches!(event, DebuggerEvent::Start | DebuggerEvent::Step) {
                    return Ok(DebuggerCommand::StepInto);
                }
                let file = source.and_then(|source| dictionary.files.iter().position(|file| **file == *source)).unwrap_or(0);
                if let Some(node) = Node::of(file, node) {
                    TRAIL.with_borrow_mut(|trail| trail.push((node, context.call_level())));
                }
                Ok(DebuggerCommand::StepInto)
            },
        );
    }

    /// Reads the trail of the evaluation that this thread has just made. `completed`: it ran to its end.
    pub fn read_trail(&self, completed: bool) {
        let trail = TRAIL.take();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open: Vec<(Node, &Choice, usize)> = Vec::new();
        for (node, level) in trail {
            while let Some((begins, choice, at_level)) = open.last().copied()
                && !(level > at_level || level == at_level && choice.within.contains(&node))
            {
                open.pop();
                counts.went(begins, choice, (level == at_level).then_some(node));
            }
            *counts.nodes.entry(node).or_default() += 1;
            if let Some(choice) = self.reachable.choices.get(&node) {
                open.push((node, choice, level));
            }
        }
        // What was open when an error came went nowhere.
        for (begins, choice, _) in open.into_iter().filter(|_| completed) {
            counts.went(begins, choice, None);
        }
    }

    /// What was reached so far, by file.
    pub fn files(&self) -> Vec<FileCoverage> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_file = |(index, file): (usize, &Arc<str>)| FileCoverage {
            file: file.to_string(),
            lines: self.lines(index, &counts),
            branches: self.branches(index, &counts),
        };
        self.files.iter().enumerate().map(of_file).collect()
    }

    fn lines(&self, file: usize, counts: &Counts) -> Vec<LineCoverage> {
        let mut lines: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        for (line, node) in self.reachable.statements.iter().filter(|(_, node)| node.file == file) {
            let hits = counts.nodes.get(node).copied().unwrap_or(0);
            let (least, most) = lines.entry(*line).or_insert((hits, hits));
            (*least, *most) = (hits.min(*least), hits.max(*most));
        }
        lines.into_iter().map(|(line, (least, most))| LineCoverage { line, hits: least, partly: least == 0 && most > 0 }).collect()
    }

    fn branches(&self, file: usize, counts: &Counts) -> Vec<BranchCoverage> {
        let mut choices: Vec<(&Node, &Choice)> = self.reachable.choices.iter().filter(|(_, choice)| choice.file == file).collect();
        choices.sort_by_key(|(_, choice)| (choice.line, choice.column, choice.of));
        let sides = choices.into_iter().flat_map(|(begins, choice)| {
            choice.sides.iter().enumerate().map(|(index, side)| BranchCoverage {
                line: choice.line,
                column: choice.column,
                of: choice.of,
                side: side.name.clone(),
                hits: counts.sides.get(&(*begins, index)).copied().unwrap_or(0),
            })
        });
        sides.collect()
    }
}

impl Counts {
    /// The choice went to the side that begins with `next`, else to the one that begins with whatever comes after.
    fn went(&mut self, begins: Node, choice: &Choice, next: Option<Node>) {
        let to = choice.sides.iter().position(|side| side.first.is_some() && side.first == next);
        if let Some(index) = to.or_else(|| choice.sides.iter().position(|side| side.first.is_none())) {
            *self.sides.entry((begins, index)).or_default() += 1;
        }
    }
}
