// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strings"
	"testing"
)

const filterUser = `{"userName":"BJensen","externalId":"Ext1","active":true,"title":"Vice \"P\" é","name":{"familyName":"O'Malley"},
	"emails":[{"value":"b@work.com","type":"work","primary":true},{"value":"b@home.com","type":"home"}],
	"photos":[{"value":"https://x/P"}],"x509Certificates":["AAAA"],
	` + enterprise + `:{"employeeNumber":"701984","manager":{"value":"M1"}}}`

func TestFilter(t *testing.T) {
	for name, tc := range map[string]struct {
		filter string
		want   bool
		reason string
	}{
		// §3.4.2.2 operators
		"eq":                {`userName eq "bjensen"`, true, "userName is not case-exact"},
		"eq other":          {`userName eq "bjensen2"`, false, "equality"},
		"eq exact":          {`externalId eq "ext1"`, false, "externalId is case-exact"},
		"eq exact same":     {`externalId eq "Ext1"`, true, "externalId is case-exact"},
		"eq accent":         {`title eq "VICE \"P\" É"`, true, "case of all letters; JSON escapes"},
		"eq unicode escape": {`title co "\u00c9"`, true, "JSON escapes"},
		"eq missing":        {`nickName eq "x"`, false, "no value"},
		"ne":                {`userName ne "x"`, true, "§3.4.2.2"},
		"ne same":           {`userName ne "BJENSEN"`, false, "§3.4.2.2"},
		"ne missing":        {`nickName ne "x"`, true, "no value is not equal"},
		"ne any":            {`emails.type ne "work"`, true, "some value is not"},
		"co":                {`name.familyName co "O'MALLEY"`, true, "Figure 2"},
		"sw":                {`userName sw "bj"`, true, "Figure 2"},
		"sw not":            {`userName sw "jensen"`, false, "the beginning only"},
		"ew":                {`userName ew "SEN"`, true, "the end"},
		"pr":                {`title pr`, true, "Figure 2"},
		"pr missing":        {`nickName pr`, false, "no value"},
		"pr complex":        {`name pr`, true, "a value in it"},
		"pr list":           {`emails pr and not (ims pr)`, true, "a value in it"},
		"gt":                {`userName gt "BJ"`, true, "lexicographic"},
		"gt same":           {`userName gt "bjensen"`, false, "strictly"},
		"ge same":           {`userName ge "bjensen"`, true, "or equal"},
		"lt":                {`userName lt "c"`, true, "lexicographic"},
		"le":                {`userName le "b"`, false, "lexicographic"},
		"le missing":        {`nickName le "b"`, false, "no value"},
		"boolean":           {`active eq true`, true, "JSON"},
		"boolean false":     {`active eq FALSE`, false, "any case"},
		"boolean ne":        {`active ne false`, true, "equality"},
		"boolean text":      {`active eq "True"`, true, "Entra"},
		"null":              {`nickName eq null`, true, "unassigned"},
		"not null":          {`userName ne null`, true, "assigned"},
		"binary":            {`x509Certificates.value eq "AAAA"`, true, "exact"},
		"binary exact":      {`x509Certificates.value eq "aaaa"`, false, "§2.3.6"},
		"reference exact":   {`photos.value co "x/p"`, false, "references are case-exact"},
		"dateTime":          {`meta.lastModified gt "2026-02-03T05:05:05+01:00"`, true, "instants, not text"},
		"dateTime eq":       {`meta.created eq "2026-01-02T05:04:05+02:00"`, true, "instants, not text"},
		"dateTime lt":       {`meta.lastModified lt "2026-02-03T04:05:06Z"`, false, "the same instant"},
		// common attributes
		"id":            {`id eq "ID1"`, true, "common"},
		"id exact":      {`id eq "id1"`, false, "id is case-exact"},
		"resourceType":  {`meta.resourceType eq "User"`, true, "common"},
		"version":       {`meta.version eq "W/\"3\""`, true, "common"},
		"location":      {`meta.location ew "/ID1"`, true, "common"},
		"schemas":       {`schemas eq "` + UserURN + `"`, true, "legal filter"},
		"schemas case":  {`schemas eq "` + strings.ToUpper(EnterpriseUserURN) + `"`, true, "URNs ignore case"},
		"schemas other": {`schemas eq "urn:x"`, false, "not there"},
		// logic
		"precedence":         {`userName eq "bjensen" or title eq "x" and title eq "y"`, true, "and binds first"},
		"precedence grouped": {`(userName eq "bjensen" or title eq "x") and title eq "y"`, false, "grouping binds first"},
		"precedence not":     {`not (title eq "x") and userName eq "bjensen"`, true, "not binds first"},
		"not tight":          {`not(userName eq "bjensen")`, false, "ABNF allows no space"},
		"not not":            {`not (not (userName eq "bjensen"))`, true, "nested"},
		"case of operators":  {`USERNAME EQ "bjensen" AND Not(title PR) OR active Eq True`, true, "keywords ignore case"},
		"spaces":             {`   userName   eq   "bjensen"  `, true, "lenient"},
		"words in strings":   {`userName eq "x and (y] or \" eq"`, false, "strings are opaque"},
		// multi-valued
		"two values":      {`emails.type eq "home" and emails.value co "work.com"`, true, "may be two values"},
		"one value":       {`emails[type eq "home" and value co "work.com"]`, false, "must be one value"},
		"one value true":  {`emails[type eq "work" and value co "@WORK"]`, true, "Figure 2"},
		"implied value":   {`emails co "work.com"`, true, "Figure 2"},
		"value path not":  {`emails[not (type eq "work")]`, true, "the home address"},
		"value path none": {`ims[type eq "x"]`, false, "no values"},
		"brackets ne":     {`emails[type eq "work" and display ne "x"]`, true, "no value is not equal"},
		"in complex":      {`name[familyName sw "o"]`, true, "a complex attribute has one value"},
		// outside the ABNF
		"after brackets":        {`emails[type eq "work"].value eq "b@work.com"`, true, "Entra"},
		"after brackets not":    {`emails[type eq "home"].value eq "b@work.com"`, false, "of the same value"},
		"after brackets pr":     {`emails[type eq "work"].display pr`, false, "of the same value"},
		"after brackets and":    {`emails[type eq "work"].value sw "b" and active eq true`, true, "goes on"},
		"unquoted":              {`externalId eq Ext1`, true, "Entra's documentation"},
		"unquoted mail":         {`userName eq bjensen`, true, "authentik"},
		"unquoted number":       {`employeeNumber eq 701984`, true, "text that looks like a number"},
		"single quotes":         {`userName eq 'bjensen'`, true, "GitHub's documentation"},
		"apostrophe inside":     {`userName eq o'bjensen`, false, "a word, with an apostrophe in it"},
		"primary text":          {`emails[primary eq "True"].value eq "b@work.com"`, true, "Entra"},
		"bare extension":        {`id eq "ID1" and manager eq "M1"`, true, "Entra's reference check"},
		"bare extension exact":  {`manager eq "m1"`, false, "ids are case-exact"},
		"extension":             {`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "701984"`, true, "§3.10"},
		"extension sub":         {strings.ToUpper(EnterpriseUserURN) + `:manager.value eq "M1"`, true, "URNs hold dots"},
		"core urn":              {UserURN + `:name.familyName pr`, true, "§3.10"},
		"core urn and brackets": {UserURN + `:emails[type eq "work"]`, true, "§3.10"},
	} {
		t.Run(name, func(t *testing.T) {
			rt := UserResourceType()
			f, err := ParseFilter(rt, tc.filter)
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if got := f.Match(parse(t, rt, filterUser), commonOf("ID1")); got != tc.want {
				t.Errorf("%s: match = %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}

func TestFilterRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ filter, reason string }{
		"empty":              {``, "never everything"},
		"spaces":             {`   `, "never everything"},
		"word":               {`userName`, "grammar"},
		"no value":           {`userName eq`, "grammar"},
		"unknown operator":   {`userName xx "a"`, "#18: never everything"},
		"regex operator":     {`userName =~ "a"`, "#18"},
		"unknown attribute":  {`secretName eq "a"`, "#18"},
		"unknown sub":        {`name.x eq "a"`, "#18"},
		"three levels":       {`name.familyName.x eq "a"`, "§2.3.8"},
		"unknown urn":        {`urn:x:y:name eq "a"`, "#18"},
		"hidden":             {`password eq "a"`, "SEC-11: an oracle"},
		"hidden pr":          {`password pr`, "SEC-11: an oracle"},
		"hidden null":        {`password ne null`, "SEC-11: an oracle"},
		"boolean order":      {`active gt true`, "§3.4.2.2"},
		"boolean part":       {`active co true`, "§3.4.2.2"},
		"boolean word":       {`active eq yes`, "a value of another type"},
		"binary order":       {`x509Certificates.value lt "A"`, "§3.4.2.2"},
		"binary part":        {`x509Certificates.value co "A"`, "no text"},
		"complex value":      {`name eq "a"`, "name has no value"},
		"date":               {`meta.created gt "yesterday"`, "a value of another type"},
		"date part":          {`meta.created sw "2026"`, "instants have no parts"},
		"null order":         {`userName gt null`, "§3.4.2.2"},
		"value is bracket":   {`userName eq (`, "grammar"},
		"trailing":           {`userName eq "a" b`, "grammar"},
		"trailing and":       {`userName eq "a" and`, "grammar"},
		"leading and":        {`and userName eq "a"`, "grammar"},
		"two values":         {`userName eq "a" "b"`, "grammar"},
		"open single":        {`userName eq 'a`, "a word does not begin with a quote"},
		"escape in single":   {`userName eq 'a\\'b'`, "what is escaped how?"},
		"spaces unquoted":    {`userName eq a b`, "a word is one word"},
		"not word":           {`not userName eq "a"`, "not needs a group"},
		"open":               {`(userName eq "a"`, "grammar"},
		"close":              {`userName eq "a")`, "grammar"},
		"close first":        {`)(`, "grammar"},
		"crossed":            {`(emails[type eq "a")]`, "grammar"},
		"empty group":        {`()`, "grammar"},
		"empty brackets":     {`emails[]`, "grammar"},
		"nested brackets":    {`emails[type eq "a" and value[x eq "b"]]`, "grammar"},
		"full path inside":   {`emails[emails.type eq "a"]`, "names are relative"},
		"brackets on simple": {`userName[value eq "a"]`, "one simple value"},
		"brackets on sub":    {`emails.type[value eq "a"]`, "grammar"},
		"unknown after":      {`emails[type eq "a"].x eq "b"`, "#18"},
		"nothing after":      {`emails[type eq "a"].value`, "grammar"},
		"open string":        {`userName eq "a`, "grammar"},
		"open escape":        {`userName eq "a\`, "grammar"},
		"bad escape":         {`userName eq "\x41"`, "JSON"},
		"lone surrogate":     {`userName eq "\ud800"`, "SEC-22"},
		"nul":                {`userName eq "\u0000"`, "SEC-22"},
		"newline":            {"userName eq \"a\n\"", "SEC-22"},
		"tab":                {"userName\teq \"a\"", "SP only"},
		"invalid utf-8":      {"userName eq \"\xff\"", "SEC-22"},
		"4097 bytes":         {`userName eq "` + strings.Repeat("a", 4097-14) + `"`, "limit + 1"},
		"1 MB":               {`userName eq "` + strings.Repeat("a", 1<<20) + `"`, "SEC-20"},
		"1e6 parentheses":    {strings.Repeat("(", 1e6), "SEC-20"},
		"33 deep":            {strings.Repeat("(", 33) + `userName pr` + strings.Repeat(")", 33), "limit + 1"},
		"33 deep by not":     {strings.Repeat("not(", 33) + `userName pr` + strings.Repeat(")", 33), "limit + 1"},
		"257 tokens":         {`userName pr` + strings.Repeat(` and title pr`, 85), "limit + 1"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ParseFilter(UserResourceType(), tc.filter)
			if typeOf(t, err) != ErrorInvalidFilter {
				t.Fatalf("%s: got %v, want invalidFilter", tc.reason, err)
			}
			if strings.Contains(err.Error(), "secretName") || len(err.Error()) > 200 {
				t.Errorf("error repeats input: %v", err)
			}
			if f.Match(Resource{"userName": "a"}, Common{}) {
				t.Error("the filter of a failed parse matches")
			}
		})
	}
}

func TestFilterLimits(t *testing.T) {
	for name, filter := range map[string]string{
		"4096 bytes": `userName eq "` + strings.Repeat("a", 4096-14) + `"`,
		"32 deep":    strings.Repeat("(", 32) + `userName pr` + strings.Repeat(")", 32),
		"254 tokens": `userName pr` + strings.Repeat(` and title pr`, 84),
	} {
		if _, err := ParseFilter(UserResourceType(), filter); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilterTypes(t *testing.T) {
	rt := zooType(t)
	r := Resource{
		"integer-readWrite": int64(9007199254740993), "decimal-readWrite": 1.5, "dateTime-readWrite": "2020-01-01T00:00:00",
		"string-readWrite-s": []any{"a", "B"}, "integer-readWrite-s": []any{int64(1), int64(5)},
		"complex-readWrite": map[string]any{"string-readWrite-s": []any{"x", "y"}},
	}
	for filter, want := range map[string]bool{
		`integer-readWrite eq 9007199254740993`:                 true,
		`integer-readWrite eq 9007199254740992`:                 false,
		`integer-readWrite gt 1.5`:                              true,
		`decimal-readWrite le 1.5`:                              true,
		`decimal-readWrite eq 15e-1`:                            true,
		`decimal-readWrite lt 1`:                                false,
		`dateTime-readWrite eq "2020-01-01T01:00:00+01:00"`:     true,
		`string-readWrite-s eq "b"`:                             true,
		`string-readWrite-s[value eq "b"]`:                      true,
		`string-readWrite-s[value eq "a" and value eq "b"]`:     false,
		`integer-readWrite-s gt 4`:                              true,
		`integer-readWrite-s gt 4 and integer-readWrite-s lt 2`: true,
		`complex-readWrite.string-readWrite-s eq "Y"`:           true,
		`complex-readWrite.string-readWrite-s eq "z"`:           false,
	} {
		f, err := ParseFilter(rt, filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
		} else if got := f.Match(r, Common{}); got != want {
			t.Errorf("%s: match = %v, want %v", filter, got, want)
		}
	}
	for _, filter := range []string{`integer-readWrite eq "1"`, `integer-readWrite eq one`, `decimal-readWrite eq NaN`, `decimal-readWrite eq 0x1`, `decimal-readWrite eq 1e999`, `integer-readWrite co 1`} {
		if _, err := ParseFilter(rt, filter); typeOf(t, err) != ErrorInvalidFilter {
			t.Errorf("%s: got %v, want invalidFilter", filter, err)
		}
	}
}

func TestFilterEquality(t *testing.T) {
	for name, tc := range map[string]struct {
		filter, attribute, want string
		ok                      bool
	}{
		"userName":        {`userName eq "Bjensen"`, "userName", "Bjensen", true},
		"case":            {`USERNAME Eq "B"`, "username", "B", true},
		"grouped":         {`(userName eq "B")`, "userName", "B", true},
		"urn":             {UserURN + `:userName eq "B"`, "userName", "B", true},
		"id":              {`id eq "1"`, "id", "1", true},
		"sub":             {`emails.value eq "x"`, "emails.value", "x", true},
		"implied":         {`emails eq "x"`, "emails.value", "x", true},
		"extension":       {`employeeNumber eq 7`, EnterpriseUserURN + ":employeeNumber", "7", true},
		"other attribute": {`displayName eq "B"`, "userName", "", false},
		"other operator":  {`userName sw "B"`, "userName", "", false},
		"null":            {`userName eq null`, "userName", "", false},
		"and":             {`userName eq "B" and active eq true`, "userName", "", false},
		"or":              {`userName eq "B" or userName eq "C"`, "userName", "", false},
		"not":             {`not (userName eq "B")`, "userName", "", false},
		"boolean":         {`active eq true`, "active", "", false},
		"brackets":        {`emails[value eq "x"]`, "emails.value", "x", true},
		"brackets of two": {`emails[value eq "x" and type eq "work"]`, "emails.value", "", false},
		"brackets, ne":    {`emails[value ne "x"]`, "emails.value", "", false},
		"brackets of all": {`schemas[value eq "x"]`, "schemas", "x", true},
		"value after":     {`emails[type eq "work"].value eq "x"`, "emails.value", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ParseFilter(UserResourceType(), tc.filter)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := f.Equality(tc.attribute); got != tc.want || ok != tc.ok {
				t.Errorf("Equality = %q, %v, want %q, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
	var zero Filter
	if _, ok := zero.Equality("userName"); ok || zero.Match(Resource{}, Common{}) {
		t.Error("the zero Filter matches")
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	f, err := ParseFilter(UserResourceType(), `userName eq "bjensen@example.com"`)
	if err != nil {
		t.Fatal(err)
	}
	r, common := Resource{"userName": "BJensen@Example.com"}, commonOf("1")
	if n := testing.AllocsPerRun(100, func() {
		if !f.Match(r, common) {
			t.Error("no match")
		}
	}); n != 0 {
		t.Errorf("%v allocations per match, want 0", n)
	}
}

func BenchmarkMatchUserName(b *testing.B) {
	f, err := ParseFilter(UserResourceType(), `userName eq "bjensen@example.com"`)
	if err != nil {
		b.Fatal(err)
	}
	r, common := Resource{"userName": "BJensen@Example.com"}, commonOf("1")
	b.ReportAllocs()
	for b.Loop() {
		f.Match(r, common)
	}
}

func BenchmarkMatchEmail(b *testing.B) {
	rt := UserResourceType()
	f, err := ParseFilter(rt, `emails[type eq "work"].value eq "b@work.com"`)
	if err != nil {
		b.Fatal(err)
	}
	r, common := parse(b, rt, filterUser), commonOf("1")
	b.ReportAllocs()
	for b.Loop() {
		f.Match(r, common)
	}
}
