import Testing

@testable import MeshRuntime
