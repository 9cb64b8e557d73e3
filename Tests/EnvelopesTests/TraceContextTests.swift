import Testing

@testable import Envelopes

@Suite struct TraceContextTests {
    private let parent = TraceContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", tracestate: "a=1")

    @Test func childrenStayInTheirTrace() {
        let child = parent.child(of: "run-1")
        #expect(TraceContext.isLegal(child.traceparent))
        #expect(child.traceparent.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-") && child.traceparent.hasSuffix("-01"))
        #expect(child.traceparent != parent.traceparent)
        #expect(child.tracestate == "a=1")
        #expect(child == parent.child(of: "run-1"))
        #expect(child != parent.child(of: "run-2"))
    }

    @Test func whatIsNoContextStaysAsItIs() {
        #expect(TraceContext(traceparent: "x").child(of: "run-1").traceparent == "x")
        let later = TraceContext(traceparent: "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-new").child(of: "run-1")
        #expect(later.traceparent.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-") && later.traceparent.hasSuffix("-01"))
    }

    @Test(arguments: [
        ("4bf92f3577b34da6a3ce929d0e0e4736", true), ("4BF92F35-77B3-4DA6-A3CE-929D0E0E4736", true), ("run-1", false), ("", false),
        (String(repeating: "0", count: 32), false),
    ])
    func aTraceIDBecomesAContext(traceID: String, isTrace: Bool) throws {
        let context = TraceContext(traceID: traceID, of: try #require(EventID("e")))
        #expect((context != nil) == isTrace)
        if let context {
            #expect(context.traceparent.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-") && TraceContext.isLegal(context.traceparent))
        }
    }
}
