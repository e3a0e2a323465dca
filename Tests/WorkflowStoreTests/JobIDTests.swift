import Testing
import WorkflowStore

struct JobIDTests {
  @Test func `A new id is a random UUID of version 4 in lower case`() throws {
    let ids = (0..<1_000).map { _ in JobID() }
    #expect(Set(ids).count == 1_000)
    let pattern = try Regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    #expect(try ids.allSatisfy { try pattern.wholeMatch(in: $0.description) != nil })
  }

  @Test func `An id is read in either case, and only as a UUID`() {
    #expect(
      JobID("B7F935C2-6f95-4a8e-9c1a-3c9c7a21e5a2")?.description == "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2")
    for text in [
      "", "b7f935c26f954a8e9c1a3c9c7a21e5a2", "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a",
      "g7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2",
      "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2 ", "b7f935c2_6f95-4a8e-9c1a-3c9c7a21e5a2", "*",
      "-7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2",
    ] {
      #expect(JobID(text) == nil, "\(text)")
    }
  }

  @Test func `One request id is one id`() throws {
    let id = try #require(JobID(requestID: "ffffffffffffffffffffffffffffffff"))
    #expect(id.description == "ffffffff-ffff-4fff-bfff-ffffffffffff")
    #expect(JobID(requestID: "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF") == id)
    #expect(JobID(requestID: "0123456789abcdef0123456789abcdef")?.description == "01234567-89ab-4def-8123-456789abcdef")
    for text in ["", "0123", "+123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdeg"] {
      #expect(JobID(requestID: text) == nil, "\(text)")
    }
  }
}
