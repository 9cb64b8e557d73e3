import BrokerStorage
import Testing

@Suite struct StorageErrorTests {
    @Test func aLockedDirectorySaysWhatToDo() {
        #expect("\(StorageError.locked(directory: "/d", process: "7"))".contains("--data-dir"))
    }
}
