package org.crema.model.chat;

import java.util.List;
import java.util.Map;

/** What a template is made of. */
sealed interface Node {
    /** Statements: they write text or change variables. */
    sealed interface Statement extends Node {}

    /** Expressions: they have a value. */
    sealed interface Expression extends Node {}

    record Text(String text) implements Statement {}

    record Output(Expression value, int line) implements Statement {}

    /** The first branch whose test holds; a test of null always holds. */
    record If(List<Branch> branches) implements Statement {}

    record Branch(Expression test, List<Statement> body) {}

    record For(List<String> names, Expression items, Expression test, List<Statement> body, List<Statement> otherwise, int line)
            implements
                Statement {}

    /** {@code break} or {@code continue}. */
    record Jump(boolean ends) implements Statement {}

    /** Sets a name, or an attribute of a namespace; the value is an expression or, if that is null, what the body writes. */
    record Set(List<String> names, String attribute, Expression value, List<Statement> body, int line) implements Statement {}

    record Macro(String name, List<Parameter> parameters, List<Statement> body) implements Statement {}

    /** A parameter; without a default it must be given. */
    record Parameter(String name, Expression otherwise) {}

    /** What the body writes, through filters. */
    record FilterBlock(Expression filtered, List<Statement> body, int line) implements Statement {}

    record Literal(Object value) implements Expression {}

    record Name(String name) implements Expression {}

    record ListOf(List<Expression> items) implements Expression {}

    record DictOf(List<Expression> keys, List<Expression> values) implements Expression {}

    record Attribute(Expression of, String name, int line) implements Expression {}

    record Item(Expression of, Expression key, int line) implements Expression {}

    record Slice(Expression of, Expression from, Expression to, Expression step, int line) implements Expression {}

    record Call(Expression what, Arguments arguments, int line) implements Expression {}

    record Filter(Expression of, String name, Arguments arguments, int line) implements Expression {}

    record Test(Expression of, String name, Arguments arguments, boolean negated, int line) implements Expression {}

    record Unary(String operator, Expression of, int line) implements Expression {}

    record Binary(String operator, Expression left, Expression right, int line) implements Expression {}

    /** {@code value if test else otherwise}. */
    record Choice(Expression test, Expression value, Expression otherwise) implements Expression {}

    record Arguments(List<Expression> positional, Map<String, Expression> named) {
        static final Arguments NONE = new Arguments(List.of(), Map.of());
    }
}
