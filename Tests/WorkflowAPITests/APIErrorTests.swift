import FastCGI
import Testing
import WorkflowStore

@testable import WorkflowAPI

@Suite struct APIErrorTests {
  @Test(arguments: [false, true])
  func `What Redis refuses is a 503 that names the cause and keeps the reason for the log`(isHalfDone: Bool) {
    let reason = "NOPERM this user at 10.0.0.7 may not; allow it"
    let error = APIError(StoreError.refused(cause: "NOPERM", reason: reason, outcomeUnknown: isHalfDone))
    #expect(error.status == 503 && error.reason == reason)
    #expect(error.response.headers.contains { $0.name == "Retry-After" })
    guard case .bytes(let body) = error.response.body else {
      Issue.record("an error has a body of one piece")
      return
    }
    let text = String(decoding: body, as: UTF8.self)
    #expect(text.contains("(NOPERM)") && !text.contains("10.0.0.7"))
    #expect(text.contains("nothing was written") == !isHalfDone)
  }
}
