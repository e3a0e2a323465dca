import ExactJSON
import SystemHarness
import Testing

/// wf as the page Operating installs it, on a host with systemd, nginx and Redis: what clients see.
///
/// `make test` boots that host when root runs it; without its variables, or where no container boots, this is skipped.
@Suite(
  .serialized, .enabled(if: SharedHost.isProvided, "as root, make test names a HOST_ROOT to boot and a HOST_PACKAGE"),
  .enabled("this machine boots a container") { await SharedHost.boots() })
struct HostTests {
  @Test func `the example goes in over TLS and HTTP 2 and finishes`() async throws {
    let host = try await SharedHost.get()
    let answer = try await host.post()
    #expect(answer.status == 202)
    #expect(answer.isHTTP2)
    let id = try #require(try answer.json["job_id"]?.stringValue)
    #expect(answer.headers["location"] == "/status/\(id)")
    let status = try await host.end(of: id)
    #expect(status["status"] == "finished")
    #expect(status.at("result", "outputs", "llm", "summary")?.stringValue?.hasPrefix("Summary(") == true)
  }

  @Test func `plain HTTP is sent to TLS`() async throws {
    let host = try await SharedHost.get()
    let answer = try await host.curl("http://wf.test/status/health")
    #expect(answer.status == 308)
    #expect(answer.headers["location"] == "\(Host.site)/status/health")
    let post = try await host.curl(
      "-L", "-H", "Content-Type: application/json", "-d", "@/root/example.json", "http://wf.test/workflow/run")
    #expect(post.status == 308)
    #expect(post.body.contains("HTTP/2 202"))
  }

  @Test func `every answer has the security headers`() async throws {
    let host = try await SharedHost.get()
    for path in ["/status/health", "/status/nothing", "/elsewhere"] {
      let headers = try await host.curl(Host.site + path).headers
      #expect(headers["strict-transport-security"] == "max-age=31536000")
      #expect(headers["x-content-type-options"] == "nosniff")
      #expect(headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'")
      #expect(headers["referrer-policy"] == "no-referrer")
      #expect(headers["server"] == "nginx")
    }
  }

  @Test func `a client beyond the rate is told to slow down, and then goes on`() async throws {
    let host = try await SharedHost.get()
    let codes = try await host.sh(
      """
      rm -rf /root/burst; mkdir /root/burst
      curl -sS -i -Z --parallel-max 50 -w '%{http_code} %{filename_effective}\\n' -o '/root/burst/#1' \
        '\(Host.site)/status/health?[1-500]'
      """
    ).split(separator: "\n")
    #expect(codes.count == 500)
    #expect(codes.count { $0.hasPrefix("200 ") } >= 100)
    let refused = try #require(codes.first { $0.hasPrefix("429 ") })
    let answer = try Host.Answer(try await host.sh("cat \(refused.dropFirst(4))"))
    #expect(answer.status == 429)
    #expect(answer.headers["retry-after"] == "1")
    #expect(answer.headers["content-type"] == "application/json")
    #expect(answer.headers["strict-transport-security"] != nil)
    #expect(try answer.json["detail"]?.stringValue?.contains("slow down") == true)
    let next = try await wait("the rate to allow one more") {
      let answer = try await host.post()
      return answer.status == 429 ? nil : answer
    }
    #expect(next.status == 202)
  }

  @Test func `a client on another address is refused until the operator says otherwise`() async throws {
    let host = try await SharedHost.get()
    // nginx sees a client whose address is not the one that it has connected to.
    let toPublicAddress = ["--resolve", "wf.test:443:10.9.8.7", "\(Host.site)/status/health"]
    let fromElsewhere = ["--interface", "10.9.8.6"] + toPublicAddress
    #expect(try await host.curl(toPublicAddress).status == 200)
    let refused = try await host.curl(fromElsewhere)
    #expect(refused.status == 401)
    #expect(try refused.json["detail"]?.stringValue?.contains("WF_ALLOW_ANONYMOUS=1") == true)
    try await host.with(settings: ["WF_ALLOW_ANONYMOUS": "1"]) {
      let answer = try await host.curl(fromElsewhere)
      #expect(answer.status == 200 || answer.status == 503)
    }
  }

  @Test func `a schedule in a time zone is kept by the installed services, over the production site`() async throws {
    let host = try await SharedHost.get()
    try await host.sh(
      """
      printf '{"cron":"* * * * *","time_zone":"Asia/Kathmandu","missed":"all","run":%s}' "$(cat /root/example.json)" \
        > /root/schedule.json
      """)
    let url = "\(Host.site)/workflow/schedules/host"
    let put = ["-X", "PUT", "-H", "Content-Type: application/json", "-d", "@/root/schedule.json", url]
    let made = try await host.curl(put)
    #expect(made.status == 201 && made.body.contains("+05:45"), "\(made.body)")
    // It looks as if it had been due a minute ago.
    try await host.sh(
      """
      next=$(($(date +%s) / 60 * 60 - 60))
      redis-cli HSET wf:schedule:host next $next; redis-cli ZADD wf:schedules $next host
      """)
    let id = try await wait("the run of a tick") {
      try await host.curl(url).json.at("last", "job_id")?.stringValue
    }
    #expect(try await host.end(of: id).at("schedule", "name") == "host")
    #expect(try await host.curl("-X", "DELETE", url).status == 204)
  }

  @Test func `systemctl status says what the services are doing`() async throws {
    let host = try await SharedHost.get()
    for unit in ["wf-api", "wf-worker"] {
      let text = try await wait("the status of \(unit)") {
        let text = try await host.property("StatusText", of: unit)
        return text.isEmpty ? nil : text
      }
      #expect(try await host.sh("systemctl status --no-pager \(unit)").contains("Status: \"\(text)\""))
    }
  }
}
