import ExactJSON
import SystemHarness
import Testing

/// The package is upgraded, removed, purged and installed again.
extension HostTests {
  /// Upgrades to a package of a higher version, which brings other units and other files of every kind, with nobody
  /// there who could answer a question.
  /// - Returns: what the upgrade says.
  @discardableResult
  func upgrade(_ host: Host, by command: String = "dpkg -i") async throws -> String {
    try await host.sh(
      """
      rm -rf /root/next /root/next.deb
      dpkg-deb -R /mnt/.build/wf_rehearsal.deb /root/next
      sed -i "s/^Version: .*/Version: $(dpkg-query -W -f '${Version}' wf).1/" /root/next/DEBIAN/control
      find /root/next/etc /root/next/usr/share/wf -name 'wf*' -type f -exec sed -i '$a# next' '{}' ';'
      sed -i "/^.Service.$/aEnvironment=NEXT=$(sed -n 's/^Version: //p' /root/next/DEBIAN/control)" \
        /root/next/lib/systemd/system/wf*.service
      sed -i "s/Not Found/Not Found by $(sed -n 's/^Version: //p' /root/next/DEBIAN/control)/" \
        /root/next/etc/nginx/snippets/wf-locations.conf
      dpkg-deb -Znone -b /root/next /root/next.deb
      \(command) /root/next.deb 2>&1 < /dev/null
      test "$(dpkg-query -W -f '${Version}' wf)" = "$(dpkg-deb -f /root/next.deb Version)"
      """)
  }

  /// What must be the same before and after: the socket, as a file and as a unit.
  private func socket(_ host: Host) async throws -> String {
    try await host.sh(
      "stat -c %i /run/wf/api.sock; systemctl show -p ActiveState,ActiveEnterTimestampMonotonic wf-api.socket")
  }

  /// The main processes of units.
  func processes(_ host: Host, _ units: String...) async throws -> [String] {
    var found: [String] = []
    for unit in units { found.append(try await host.property("MainPID", of: unit)) }
    return found
  }

  @Test func `an upgrade with a run in the middle of a step loses nothing and keeps socket and settings`() async throws
  {
    let host = try await SharedHost.get()
    try await host.withRunInTheMiddle(settings: ["WF_DRAIN_S": "0.5", "WF_LEASE_S": "600"]) { id, release in
      let socket = try await socket(host)
      let edited = try await host.sh("cat /etc/wf/wf.env /etc/nginx/sites-available/wf")
      let old = try await processes(host, "wf-api", "wf-worker")
      try await upgrade(host)
      #expect(try await self.socket(host) == socket)
      #expect(try await host.sh("cat /etc/wf/wf.env /etc/nginx/sites-available/wf") == edited)
      #expect(Set(try await processes(host, "wf-api", "wf-worker")).isDisjoint(with: old + ["0"]))
      for process in try await processes(host, "wf-api", "wf-worker") {
        let version = try await host.sh("dpkg-query -W -f '${Version}' wf")
        #expect(try await host.sh("tr '\\0' '\\n' < /proc/\(process)/environ | sed -n 's/^NEXT=//p'") == version)
      }
      try await host.waitForCalls(2)
      try await release()
      let status = try await host.end(of: id)
      #expect(status["status"] == "finished")
      #expect(status.messages.count { $0 == "step_start pre" } == 1)
    }
  }

  @Test func `an upgrade reloads nginx with its new snippet`() async throws {
    let host = try await SharedHost.get()
    try await upgrade(host)
    let detail = "Not Found by \(try await host.sh("dpkg-query -W -f '${Version}' wf"))"
    _ = try await wait("the new snippet") {
      try await host.curl("\(Host.site)/wf-error/400").body.contains(detail) ? true : nil
    }
  }

  @Test func `an upgrade asks nothing where the page Operating says so, and keeps an edited snippet`() async throws {
    let host = try await SharedHost.get()
    let snippet = "/etc/nginx/snippets/wf-locations.conf"
    try await host.sh("sed -i 's/client_max_body_size 2m/client_max_body_size 3m/' \(snippet)")
    let edited = try await host.sh("cat \(snippet)")
    try await upgrade(host, by: "apt-get -o Dpkg::Options::=--force-confold install")
    #expect(try await host.sh("cat \(snippet)") == edited)
    try await host.sh("mv \(snippet).dpkg-dist \(snippet); systemctl reload nginx")
  }

  @Test func `an upgrade of a host whose nginx cannot be reloaded says so and is complete`() async throws {
    let host = try await SharedHost.get()
    try await host.sh("echo 'listn 1;' > /etc/nginx/sites-enabled/faulty")
    let output = try await upgrade(host)
    try await host.sh("rm /etc/nginx/sites-enabled/faulty; nginx -t; systemctl reload nginx")
    #expect(output.contains("wf: nginx -t fails"))
    #expect(try await host.sh("dpkg-query -W -f '${db:Status-Abbrev}' wf") == "ii ")
    #expect(try await host.end(of: host.submit())["status"] == "finished")
  }

  @Test func `the files to edit are written once, and never over what is there`() async throws {
    let host = try await SharedHost.get()
    let files = "/etc/wf/wf.env /etc/nginx/sites-available/wf"
    let before = try await host.sh("cat \(files); stat -c '%a %G' /etc/wf/wf.env /etc/credstore")
    try await host.sh("/usr/share/wf/write-defaults")
    #expect(try await host.sh("cat \(files); stat -c '%a %G' /etc/wf/wf.env /etc/credstore") == before)
    #expect(before.hasSuffix("640 wf\n700 root"))
  }

  @Test func `every service has its limits, whichever unit it is of`() async throws {
    let host = try await SharedHost.get()
    let total = (Int(try await host.sh("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) ?? 0) << 10
    try await host.sh("systemctl start wf-worker@2")
    for (unit, part) in [("wf-api", 4), ("wf-worker", 2), ("wf-worker@2", 2)] {
      let most = Int(try await host.property("MemoryMax", of: unit)) ?? .max
      let high = Int(try await host.property("MemoryHigh", of: unit)) ?? .max
      #expect(abs(most - total / part) < total / 100 && high < most, "\(unit): \(high), \(most) of \(total)")
      for (name, value) in [
        "LimitCORE": "0", "LimitNOFILE": "65536", "LogRateLimitBurst": "60000", "LogRateLimitIntervalUSec": "30s",
        "Restart": "always", "StartLimitIntervalUSec": "0", "DynamicUser": "yes",
      ] {
        #expect(try await host.property(name, of: unit) == value, "\(name) of \(unit)")
      }
    }
    try await host.sh("systemctl stop wf-worker@2")
  }

  @Test func `a service that refuses its settings does not stop an upgrade`() async throws {
    let host = try await SharedHost.get()
    try await host.sh("echo WF_LEAES_S=1 >> /etc/wf/wf.env")
    let output = try await upgrade(host)
    #expect(output.contains("wf: not every service started again"))
    #expect(try await host.sh("dpkg-query -W -f '${db:Status-Abbrev}' wf") == "ii ")
    try await host.sh("sed -i /WF_LEAES_S/d /etc/wf/wf.env")
    _ = try await wait("the worker with its settings put right") {
      try await host.isTrue("systemctl is-active wf-worker")
    }
    #expect(try await host.end(of: host.submit())["status"] == "finished")
  }

  @Test func `the package depends on what it was linked against`() async throws {
    let host = try await SharedHost.get()
    let depends = try await host.sh("dpkg-deb -f .build/wf_*.deb Depends").split(separator: ", ")
    for library in ["libc6 (>= ", "libhiredis", "libfcgi0", "libcurl4", "libssl3"] {
      #expect(depends.contains { $0.hasPrefix(library) && $0.contains("(>= ") }, "\(depends)")
    }
    #expect(depends.contains("ca-certificates") && depends.contains("tzdata"))
  }

  @Test func `The package has the manual page and the completions of three shells`() async throws {
    let host = try await SharedHost.get()
    let files = try await host.sh("dpkg-query -L wf").split(separator: "\n").map(String.init)
    for file in [
      "man/man1/wf.1.gz", "bash-completion/completions/wf", "zsh/vendor-completions/_wf",
      "fish/vendor_completions.d/wf.fish",
    ] { #expect(files.contains("/usr/share/\(file)")) }
    #expect(try await host.isTrue("gzip -t /usr/share/man/man1/wf.1.gz") == true)
    #expect(try await host.isTrue("bash -n /usr/share/bash-completion/completions/wf") == true)
  }

  @Test func `a second worker is started, upgraded and stopped like the first`() async throws {
    let host = try await SharedHost.get()
    try await host.sh("systemctl enable --now wf-worker@2")
    _ = try await wait("two workers") {
      try await host.curl("\(Host.site)/status/health").json["workers"]?.numberValue?.int == 2 ? true : nil
    }
    let old = try await processes(host, "wf-worker", "wf-worker@2")
    try await upgrade(host)
    #expect(Set(try await processes(host, "wf-worker", "wf-worker@2")).isDisjoint(with: old + ["0"]))
    try await host.sh("systemctl stop wf-worker")
    #expect(try await host.end(of: host.submit())["status"] == "finished")
    #expect(try await host.run(["wf", "doctor"]).output.contains("ok       wf-worker@2.service is active"))
    try await host.sh("systemctl disable --now wf-worker@2; systemctl start wf-worker")
    #expect(try await host.property("ActiveState", of: "wf-worker@2") == "inactive")
  }

  @Test func `remove keeps what the operator wrote, purge keeps nothing, and both can be installed again`() async throws
  {
    let host = try await SharedHost.get()
    try await host.sh("systemctl enable wf-worker@2")
    let settings = try await host.sh("cat /etc/wf/wf.env")
    try await host.sh("dpkg -r wf")
    #expect(try await host.sh("cat /etc/wf/wf.env") == settings)
    try await host.sh("nginx -t; test -e /etc/nginx/sites-enabled/wf; test ! -e /usr/bin/wf")
    #expect(try await host.sh("systemctl list-units --no-legend --state=active 'wf*'") == "")

    try await host.sh("dpkg --force-confold -i .build/wf_*.deb")
    let enabled = try await host.sh("systemctl is-enabled wf-api.socket wf-api wf-worker wf-worker@2")
    #expect(enabled.split(separator: "\n") == ["enabled", "enabled", "enabled", "enabled"])
    try await host.sh("systemctl start wf-api.socket wf-worker")
    #expect(try await host.end(of: host.submit())["status"] == "finished")
    #expect(try await host.sh("cat /etc/wf/wf.env") == settings)

    try await host.sh("echo hush > /etc/wf/llm_api_key; dpkg -P wf")
    let left = "find /etc /lib/systemd /run /usr -name 'wf*' -not -path '/etc/ssl/*' -not -name wf-trial.crt"
    #expect(try await host.sh(left) == "")
    try await host.sh("test -z \"$(systemctl list-unit-files --no-legend 'wf*')\"")
    try await host.sh("nginx -t; systemctl restart nginx; systemctl is-active nginx")

    try await host.sh("apt install ./.build/wf_*.deb")
    let bare = try await host.run(["wf", "doctor"])
    #expect(bare.code == 1)
    #expect(bare.output.contains("→ ln -s ../sites-available/wf /etc/nginx/sites-enabled/"))
    #expect(bare.output.contains("→ systemctl start wf-api.socket"))
    try await host.install()
    #expect(try await host.end(of: host.submit())["status"] == "finished")
  }

  @Test func `an installation takes nothing from Redis, and its next start begins with what it had`() async throws {
    let host = try await SharedHost.get()
    let id = try await host.submit()
    #expect(try await host.end(of: id)["status"] == "finished")
    try await host.sh("systemctl restart redis-server")
    _ = try await wait("Redis after its start") { try await host.isTrue("redis-cli PING | grep -q PONG") }
    #expect(try await host.sh("redis-cli GET before-wf") == "kept")
    #expect(try await host.sh("redis-cli CONFIG GET appendonly | tail -n 1") == "yes")
    #expect(try await host.end(of: id)["status"] == "finished")
  }

  @Test func `wf doctor is content with a host set up as the page Operating says`() async throws {
    let host = try await SharedHost.get()
    let outcome = try await wait("a content doctor") {
      let outcome = try await host.run(["wf", "doctor"])
      // The worker may have been restarted just now.
      return outcome.output.contains("FAILED   the API") ? nil : outcome
    }
    #expect(outcome.code == 0)
    #expect(!outcome.output.contains("FAILED"))
    #expect(outcome.output.contains("ok       the API at \(Host.site) answers"))
    #expect(outcome.output.contains("ok       Redis keeps an append-only file"))
    #expect(outcome.output.contains("warning  no model is configured"))
    let other = try await host.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "wf", "doctor"])
    #expect(other.output.contains("warning  /etc/wf/wf.env cannot be read"))
    #expect(other.output.contains("→ sudo wf doctor"))
    let environment = try await host.run(["env", "WF_URL=http://127.0.0.1:9", "wf", "doctor"])
    #expect(environment.code == 1)
    #expect(environment.output.contains("FAILED   the API at http://127.0.0.1:9 does not answer"))
  }
}
