//! Which statements of the scripts ran, and which way each choice went. rhai's debugger tells every statement and
//! expression before it is evaluated; [`recorder`] counts them, [`reachable`] knows what there is to reach.
//!
//! A script is compiled as it is written for this, because the optimiser folds away what is to be counted; nothing else
//! differs from the engine that pays. Must not know: cases.

mod reachable;
mod recorder;

pub use recorder::Recorder;

use rhai::{ASTNode, Expr, Position, Stmt};
use std::mem::{Discriminant, discriminant};

/// A node of a script by where it stands: what the debugger tells is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Node {
    /// Index into the dictionary's files.
    file: usize,
    at: Position,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Statement(Discriminant<Stmt>),
    Expression(Discriminant<Expr>),
}

impl Node {
    /// None: a node without a place, as the end of a call is one.
    fn of(file: usize, node: ASTNode<'_>) -> Option<Node> {
        let kind = match node {
            ASTNode::Stmt(statement) => Kind::Statement(discriminant(statement)),
            ASTNode::Expr(expression) => Kind::Expression(discriminant(expression)),
            _ => return None,
        };
        let at = node.position();
        (!at.is_none()).then_some(Node { file, at, kind })
    }
}
