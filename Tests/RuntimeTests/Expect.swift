import Testing

/// `#expect` for a value whose making changes something: the macro takes no mutating calls.
func expect(_ value: Bool, _ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation) {
    #expect(value, comment, sourceLocation: location)
}
