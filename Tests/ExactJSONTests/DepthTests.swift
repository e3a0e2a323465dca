import ExactJSON
import Glibc
import Testing

@Suite
struct DepthTests {
  private func nested(_ depth: Int, _ open: String = "[", _ close: String = "]") -> String {
    String(repeating: open, count: depth) + (open == "[" ? "" : "0") + String(repeating: close, count: depth)
  }

  @Test func `Arrays and objects nest 128 deep and no deeper`() throws {
    #expect(try JSONValue(parsing: nested(128)).text == nested(128))
    #expect(refusal(of: nested(129)) == JSONError(.tooDeep(limit: 128), at: 128))
    #expect(refusal(of: nested(128, #"{"a":"#, "}")) == nil)
    #expect(refusal(of: nested(129, #"{"a":"#, "}")) == JSONError(.tooDeep(limit: 128), at: 128 * 5))
    #expect(refusal(of: nested(64, #"[{"a":"#, "}]")) == nil)
    #expect(refusal(of: nested(65, #"[{"a":"#, "}]")) == JSONError(.tooDeep(limit: 128), at: 64 * 6))
  }

  @Test func `Depth counts what is open, not what was`() {
    let text = "[" + Array(repeating: "[[]]", count: 500).joined(separator: ",") + "]"
    #expect(refusal(of: text, maximumDepth: 3) == nil)
    #expect(refusal(of: text, maximumDepth: 2) == JSONError(.tooDeep(limit: 2), at: 2))
  }

  @Test func `A scalar has no depth`() {
    #expect(refusal(of: "1", maximumDepth: 1) == nil)
  }

  @Test(arguments: ["[", #"{"a":"#, #"[{"":"#])
  func `A megabyte of opening brackets is refused`(open: String) {
    let text = String(repeating: open, count: 1_000_000 / open.utf8.count)
    guard case .tooDeep(limit: 128)? = refusal(of: text)?.kind else {
      Issue.record("not refused as too deep")
      return
    }
  }

  @Test func `A stack of 512 KB suffices to parse, compare, write and release the deepest document`() throws {
    try onSmallStack {
      let depth = JSONValue.permittedDepths.upperBound
      for (text, depth) in [(self.nested(depth), depth), (self.nested(depth / 2, #"[{"a":"#, "}]"), depth)] {
        let first = try? JSONValue(parsing: text, maximumDepth: depth)
        let second = try? JSONDocument(parsing: Array(text.utf8), maximumDepth: depth).value
        #expect(first != nil && first == second)
        #expect(first?.text == text)
        #expect(refusal(of: "[\(text)]", maximumDepth: depth)?.kind == .tooDeep(limit: depth))
      }
    }
  }

  /// Runs the body to its end on a thread of its own with a stack of 512 KB.
  private func onSmallStack(_ body: @escaping () -> Void) throws {
    final class Job {
      let body: () -> Void
      init(_ body: @escaping () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    try #require(pthread_attr_init(&attributes) == 0)
    defer { pthread_attr_destroy(&attributes) }
    try #require(pthread_attr_setstacksize(&attributes, 512 * 1024) == 0)
    var thread = pthread_t()
    let job = Unmanaged.passRetained(Job(body)).toOpaque()
    let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { job in
      if let job { Unmanaged<Job>.fromOpaque(job).takeRetainedValue().body() }
      return nil
    }
    let created = pthread_create(&thread, &attributes, run, job)
    try #require(created == 0)
    pthread_join(thread, nil)
  }
}
