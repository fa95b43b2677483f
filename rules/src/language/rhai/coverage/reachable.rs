//! What there is to reach in the scripts: every statement, and every way that a choice can go.

use super::Node;
use crate::language::rhai::script::Script;
use rhai::{AST, ASTNode, Expr, FlowControl, Stmt, StmtBlock, SwitchCasesCollection};
use std::collections::{HashMap, HashSet};

#[derive(Default)]
pub(super) struct Reachable {
    /// With the line on which each begins.
    pub statements: Vec<(usize, Node)>,
    /// By the node with which its evaluation begins.
    pub choices: HashMap<Node, Choice>,
}

/// A condition, and where it leads.
pub(super) struct Choice {
    pub file: usize,
    pub line: usize,
    pub column: usize,
    pub of: &'static str,
    /// What is evaluated before it is known which way it goes.
    pub within: HashSet<Node>,
    pub sides: Vec<Side>,
}

pub(super) struct Side {
    pub name: String,
    /// What is evaluated first on this side; none: whatever comes after the choice.
    pub first: Option<Node>,
}

/// Functions only: nothing at the top of a file runs again.
pub(super) fn reachable(scripts: &[Script]) -> Reachable {
    let mut reachable = Reachable::default();
    for (file, script) in scripts.iter().enumerate() {
        let functions: AST = script.plain.clone_functions_only();
        functions.walk(&mut |path: &[ASTNode]| {
            match path.last() {
                Some(ASTNode::Stmt(statement)) => reachable.statement(file, statement),
                Some(ASTNode::Expr(expression)) => reachable.expression(file, expression),
                _ => {}
            }
            // A walk stops altogether on `false`.
            true
        });
    }
    reachable
}

impl Reachable {
    fn statement(&mut self, file: usize, statement: &Stmt) {
        match statement {
            Stmt::Noop(_) | Stmt::Block(_) => return,
            // A block as an expression: its statements come by themselves.
            Stmt::Expr(expression) if matches!(**expression, Expr::Stmt(_)) => return,
            Stmt::If(control, _) => self.condition(file, statement, control),
            Stmt::Switch(switch, _) => self.switch(file, statement, &switch.0, &switch.1),
            _ => {}
        }
        let line = match statement {
            // rhai says of a call `a.b()` that it starts where `a` does, and of `x = 1` that it is at `=`.
            Stmt::Expr(expression) => expression.start_position().line(),
            other => other.position().line(),
        };
        if let (Some(line), Some(node)) = (line, first_of_statement(file, statement)) {
            self.statements.push((line, node));
        }
    }

    fn condition(&mut self, file: usize, statement: &Stmt, control: &FlowControl) {
        let sides = [("true", first_of_block(file, &control.body)), ("false", first_of_block(file, &control.branch))];
        // With two empty blocks nothing tells them apart.
        if sides.iter().any(|(_, first)| first.is_some()) {
            let sides = sides.into_iter().map(|(name, first)| Side { name: name.into(), first }).collect();
            self.choice(file, "if", ASTNode::Stmt(statement), statement.position(), all_of(file, &control.expr), sides);
        }
    }

    fn switch(&mut self, file: usize, statement: &Stmt, value: &Expr, cases: &SwitchCasesCollection) {
        let mut within = all_of(file, value);
        let mut sides = Vec::new();
        for (index, arm) in cases.expressions.iter().enumerate() {
            within.extend(all_of(file, &arm.lhs));
            // An arm that does nothing is not told from none.
            let Some(first) = first_of_expression(file, &arm.rhs) else { return };
            let line = arm.rhs.start_position().line().unwrap_or(0);
            if !matches!(arm.rhs, Expr::Stmt(_)) {
                self.statements.push((line, first));
            }
            let name = if cases.def_case == Some(index) { "_".into() } else { format!("line {line}") };
            sides.push(Side { name, first: Some(first) });
        }
        if cases.def_case.is_none() {
            sides.push(Side { name: "no arm".into(), first: None });
        }
        self.choice(file, "switch", ASTNode::Stmt(statement), statement.position(), within, sides);
    }

    /// In a chain each part but the last decides whether the next one is looked at.
    fn expression(&mut self, file: usize, expression: &Expr) {
        let (of, parts, goes_on, ends) = match expression {
            Expr::And(parts, _) => ("&&", parts, "true", "false"),
            Expr::Or(parts, _) => ("||", parts, "false", "true"),
            Expr::Coalesce(parts, _) => ("??", parts, "missing", "there"),
            _ => return,
        };
        for pair in parts.windows(2) {
            let next = Side { name: goes_on.into(), first: first_of_expression(file, &pair[1]) };
            let sides = vec![next, Side { name: ends.into(), first: None }];
            let within = all_of(file, &pair[0]);
            // rhai says of `n > 1` that it starts at `>`.
            let starts = within.iter().map(|node| node.at).min_by_key(|at| (at.line(), at.position()));
            if let Some(starts) = starts.filter(|_| sides[0].first.is_some()) {
                self.choice(file, of, ASTNode::Expr(&pair[0]), starts, within, sides);
            }
        }
    }

    fn choice(&mut self, file: usize, of: &'static str, node: ASTNode<'_>, at: rhai::Position, within: HashSet<Node>, sides: Vec<Side>) {
        let begins = match node {
            ASTNode::Expr(expression) => first_of_expression(file, expression),
            other => Node::of(file, other),
        };
        if let (Some(begins), Some(line)) = (begins, at.line()) {
            self.choices.insert(begins, Choice { file, line, column: at.position().unwrap_or(1), of, within, sides });
        }
    }
}

/// The node of which the debugger tells first when this is evaluated.
fn first_of_statement(file: usize, statement: &Stmt) -> Option<Node> {
    match statement {
        Stmt::Expr(expression) => first_of_expression(file, expression),
        other => Node::of(file, ASTNode::Stmt(other)),
    }
}

fn first_of_expression(file: usize, expression: &Expr) -> Option<Node> {
    match expression {
        Expr::Stmt(block) => first_of_block(file, block),
        other => Node::of(file, ASTNode::Expr(other)),
    }
}

fn first_of_block(file: usize, block: &StmtBlock) -> Option<Node> {
    first_of_statement(file, block.statements().first()?)
}

fn all_of(file: usize, expression: &Expr) -> HashSet<Node> {
    let mut nodes = HashSet::new();
    expression.walk(&mut Vec::new(), &mut |path: &[ASTNode]| {
        nodes.extend(path.last().and_then(|node| Node::of(file, *node)));
        true
    });
    nodes
}
