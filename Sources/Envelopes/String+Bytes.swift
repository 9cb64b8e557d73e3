extension String {
    /// Its UTF-8 bytes, for as long as `body` runs. `withUTF8` needs a variable, and the copy in it counts a reference.
    @inline(__always) func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if let result = utf8.withContiguousStorageIfAvailable(body) { return result }
        // A string that Foundation made, elsewhere than on Linux.
        var copy = self
        return copy.withUTF8(body)
    }
}
