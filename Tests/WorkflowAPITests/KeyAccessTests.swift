import AccessKeys
import ExactJSON
import Testing

@testable import WorkflowAPI

/// An API that wants keys.
@Suite struct KeyAccessTests {
  @Test func `Before there are keys, and when none is left, no request is answered`() async throws {
    let ring = KeyRing()
    let api = try TestAPI(allowsAnonymous: true, keys: ring)
    let early = await api.answer("GET", "/status/health", headers: ["Authorization": "Bearer a"])
    #expect(early.status == 503 && early.header("Retry-After") == "5")
    #expect(early.json["detail"]?.stringValue?.contains("WF_API_KEYS_FILE") == true)
    ring.replace(with: [AccessKey(name: "b", secret: "b")])
    let unknown = await api.answer("GET", "/status/health", headers: ["Authorization": "Bearer a"])
    #expect(unknown.status == 401)
    ring.replace(with: [])
    let late = await api.answer("GET", "/status/health", headers: ["Authorization": "Bearer b"])
    #expect(late.status == 503 && late.header("Retry-After") == "5")
  }

  @Test func `A request with two keys is refused, and so is one over a unix socket without any`() async throws {
    let ring = KeyRing()
    ring.replace(with: [AccessKey(name: "a", secret: "a"), AccessKey(name: "b", secret: "b")])
    let api = try TestAPI(keys: ring)
    let both = await api.answer(
      "GET", "/status/health", headers: ["Authorization": "Bearer a", "Authorization": "Bearer b"])
    #expect(both.status == 401 && both.text.contains("several"))
    #expect(await api.answer("GET", "/status/health").status == 401)
    let far = await api.answer(
      "GET", "/status/none", headers: ["Authorization": "Bearer a", "Host": "evil.example"],
      parameters: ["REMOTE_ADDR": "10.0.0.1"])
    #expect(far.status == 404)
  }

  @Test func `The document has a security scheme where the API wants keys, and none elsewhere`() async throws {
    let ring = KeyRing()
    ring.replace(with: [AccessKey(name: "a", secret: "a")])
    let own = await (try TestAPI(keys: ring)).answer(
      "GET", "/workflow/openapi.json", headers: ["Authorization": "Bearer a"])
    #expect(own.json["security"] == [["key": []]])
    #expect(own.json["components"]?.objectValue?["securitySchemes"]?.objectValue?["key"] != nil)
    let open = await (try TestAPI()).answer("GET", "/workflow/openapi.json")
    #expect(open.json["security"] == nil)
  }
}
