// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// Filter is a compiled filter (RFC 7644 §3.4.2.2): attributes, operators and
// values are resolved against one resource type. It is immutable and safe for
// concurrent use. The zero Filter matches nothing.
type Filter struct{ root expression }

// ParseFilter compiles s for resources of type rt. Beyond the RFC's grammar it
// takes what clients send: emails[type eq "work"].value eq "x", values without
// quotes, booleans in quotes, and enterprise attributes without their URN.
//
// A strict dialect refuses these. Everything else is 400 invalidFilter, whose text does not repeat s: unknown
// attributes, attributes that no response shows, operators that the
// attribute's type does not have, and whatever exceeds [Limits].
func ParseFilter(rt *ResourceType, s string) (Filter, error) {
	return parseFilter(rt, s, DefaultLimits().FilterBytes)
}

func parseFilter(rt *ResourceType, s string, limit int) (Filter, error) {
	tokens, err := rt.Dialect.lex(s, ErrorInvalidFilter, limit)
	if err != nil {
		return Filter{}, err
	}
	p := filterParser{rt: rt, tokens: tokens}
	root, err := p.disjunction()
	if err != nil {
		return Filter{}, err
	}
	if p.peek().kind != endToken {
		return Filter{}, invalidFilter("filter has an operator missing or a bracket too many")
	}
	return Filter{root}, nil
}

// Equality returns the value if the whole filter is `attribute eq "value"`, for
// the store to answer from an index. The attribute is compared in canonical
// form, ignoring case ("userName", "emails.value", or with the URN of an
// extension). All spellings of it count: members eq "x" and members[value eq "x"]
// are "members.value". The value is as the client wrote it: for an attribute that
// is not case-exact the caller looks up its canonical form.
func (f Filter) Equality(attribute string) (value string, ok bool) {
	path, c := equality(f.root)
	if c == nil || !sameName(path, attribute) {
		return "", false
	}
	value, ok = c.want.value.(string)
	return value, ok
}

// equality returns the comparison that x is, if it is one by eq, and the path of
// what it compares. One such condition in brackets holds for some value exactly
// when it holds without them; of ne that is not so.
func equality(x expression) (path string, c *comparison) {
	prefix := ""
	if e, ok := x.(*elementMatch); ok {
		x, prefix = e.inner, e.String()
	}
	c, ok := x.(*comparison)
	switch {
	case !ok || c.operator != equal:
		return "", nil
	case prefix == "":
		return c.String(), c
	case c.self:
		return prefix, c
	}
	return prefix + "." + c.String(), c
}

// Conjunction returns the filters that must all hold for f to hold: what `and`
// joins, or f itself. The store looks among them for one that it has an index for,
// as in id eq "g" and members eq "u", and matches what it finds against f.
func (f Filter) Conjunction() []Filter {
	terms, ok := f.root.(allOf)
	if !ok {
		return []Filter{f}
	}
	var out []Filter
	for _, term := range terms {
		out = append(out, Filter{term}.Conjunction()...)
	}
	return out
}

// filterParser is a recursive descent over the grammar of RFC 7644 §3.4.2.2.
// The lexer has bounded brackets, the only thing it recurses on.
type filterParser struct {
	rt      *ResourceType
	tokens  []token
	pos     int
	element *Attribute // inside [ ]: the attribute whose values are filtered
}

func invalidFilter(format string, a ...any) error {
	return badRequest(ErrorInvalidFilter, format, a...)
}

func (p *filterParser) peek() token {
	if p.pos < len(p.tokens) {
		return p.tokens[p.pos]
	}
	return token{}
}

func (p *filterParser) take() token {
	t := p.peek()
	p.pos++
	return t
}

func (p *filterParser) takeKeyword(word string) bool {
	if t := p.peek(); t.kind != wordToken || !sameName(t.text, word) {
		return false
	}
	p.pos++
	return true
}

func (p *filterParser) expect(kind tokenKind) error {
	if p.take().kind != kind {
		return invalidFilter("filter lacks a %q", rune(kind))
	}
	return nil
}

func (p *filterParser) disjunction() (expression, error) {
	left, err := p.conjunction()
	if err != nil {
		return nil, err
	}
	terms := anyOf{left}
	for p.takeKeyword("or") {
		term, err := p.conjunction()
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	if len(terms) == 1 {
		return left, nil
	}
	return terms, nil
}

func (p *filterParser) conjunction() (expression, error) {
	left, err := p.term()
	if err != nil {
		return nil, err
	}
	terms := allOf{left}
	for p.takeKeyword("and") {
		term, err := p.term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	if len(terms) == 1 {
		return left, nil
	}
	return terms, nil
}

func (p *filterParser) term() (expression, error) {
	switch t := p.take(); {
	case t.kind == '(':
		return p.group()
	case t.kind == wordToken && sameName(t.text, "not") && p.peek().kind == '(':
		p.take()
		inner, err := p.group()
		return negation{inner}, err
	case t.kind == wordToken && p.peek().kind == '[':
		return p.valuePath(t.text)
	case t.kind == wordToken:
		o, err := p.operand(t.text)
		if err != nil {
			return nil, err
		}
		return p.condition(o)
	}
	return nil, invalidFilter("filter lacks an attribute")
}

func (p *filterParser) group() (expression, error) {
	inner, err := p.disjunction()
	if err != nil {
		return nil, err
	}
	return inner, p.expect(')')
}

// valuePath parses attr[filter], and the attr[filter].sub op value that Entra
// sends.
func (p *filterParser) valuePath(name string) (expression, error) {
	o, err := p.operand(name)
	if err != nil {
		return nil, err
	}
	inner, err := p.brackets(o)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind == wordToken && strings.HasPrefix(t.text, ".") && p.rt.Dialect.takes(filterValuePathSubAttribute) {
		p.take()
		last, err := p.lastCondition(o.attr, t.text[1:])
		if err != nil {
			return nil, err
		}
		inner = allOf{inner, last}
	}
	return &elementMatch{operand: o, inner: inner}, nil
}

func (p *filterParser) lastCondition(a *Attribute, name string) (expression, error) {
	o, err := elementOperand(a, name)
	if err != nil {
		return nil, err
	}
	return p.condition(o)
}

// brackets parses [filter] over the values of o.
func (p *filterParser) brackets(o operand) (expression, error) {
	if o.sub != nil || p.element != nil || o.attr.Type != TypeComplex && !o.attr.MultiValued {
		return nil, invalidFilter("filter has brackets where no values can be selected")
	}
	p.take()
	p.element = o.attr
	inner, err := p.disjunction()
	p.element = nil
	if err != nil {
		return nil, err
	}
	return inner, p.expect(']')
}

func (p *filterParser) operand(name string) (operand, error) {
	if p.element != nil {
		return elementOperand(p.element, name)
	}
	ref, ok := p.rt.lookUp(name)
	if !ok || !ref.readable() {
		return operand{}, invalidFilter("filter names an attribute that does not exist or cannot be filtered")
	}
	return operand{attributeRef: ref, fromCommon: ref.owned()}, nil
}

// elementOperand names a sub-attribute of a's values; of simple values it is
// `value` that names the value itself.
func elementOperand(a *Attribute, name string) (operand, error) {
	if a.Type != TypeComplex && sameName(name, nameValue) {
		return operand{attributeRef: attributeRef{attr: a}, self: true}, nil
	}
	sub := a.sub(name)
	if a.Type == TypeComplex && len(a.SubAttributes) == 0 && validName(name) {
		sub = &Attribute{Name: name, Type: TypeString, Returned: ReturnedDefault} // of an attribute that no schema has
	}
	if sub == nil || !sub.readable() {
		return operand{}, invalidFilter("filter names a sub-attribute that does not exist or cannot be filtered")
	}
	return operand{attributeRef: attributeRef{attr: sub}}, nil
}

// condition parses what follows the attribute: pr, or an operator and a value.
func (p *filterParser) condition(o operand) (expression, error) {
	if p.takeKeyword("pr") {
		return presence{o}, nil
	}
	t := p.take()
	op, ok := operatorNamed(t)
	if !ok {
		return nil, invalidFilter("filter has an unknown operator")
	}
	return p.rt.Dialect.compile(o, op, p.take())
}

// compile checks an operator and a value against the attribute's type.
func (d Dialect) compile(o operand, op operator, value token) (expression, error) {
	if d.isNull(value) {
		return compileNull(o, op)
	}
	if o.target().Type == TypeComplex {
		o.sub = d.implied(o.attr)
	}
	if !o.target().readable() || !op.appliesTo(o.target().Type) {
		return nil, invalidFilter("filter compares %s with an operator it does not have", o.attributeRef)
	}
	want, ok := parseLiteral(o.target(), d.literal(o.target(), value))
	if !ok {
		return nil, invalidFilter("filter compares %s with a value of another type", o.attributeRef)
	}
	return &comparison{operand: o, operator: op, want: want}, nil
}

// compileNull compares with null, which is the same as having no value
// (RFC 7643 §2.5).
func compileNull(o operand, op operator) (expression, error) {
	switch op {
	case equal:
		return negation{presence{o}}, nil
	case notEqual:
		return presence{o}, nil
	default:
		return nil, invalidFilter("filter compares null with an operator other than eq and ne")
	}
}
