import Testing

@testable import Envelopes

@Suite struct TraceContextTests {
    @Test func childrenStayInTheirTrace() {
        var generator = SeededGenerator(seed: 5)
        let root = TraceContext.root(random: &generator)
        let child = root.child(random: &generator)
        #expect(TraceContext.isLegal(root.traceparent))
        #expect(TraceContext.isLegal(child.traceparent))
        #expect(root.traceID != nil && root.traceID == child.traceID)
        #expect(root.traceparent != child.traceparent)
        #expect(root.traceparent.hasSuffix("-01"))
        #expect(TraceContext.root(random: &generator, isSampled: false).child(random: &generator).traceparent.hasSuffix("-00"))
        #expect(TraceContext.root(random: &generator).traceID != root.traceID)
    }

    @Test func whatIsNoContextStaysAsItIs() {
        var generator = SeededGenerator(seed: 6)
        #expect(TraceContext(traceparent: "x").child(random: &generator).traceparent == "x")
        let later = TraceContext(traceparent: "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-new", tracestate: "a=1").child(
            random: &generator)
        #expect(later.traceparent.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-") && later.traceparent.hasSuffix("-01"))
        #expect(later.tracestate == "a=1")
    }
}
