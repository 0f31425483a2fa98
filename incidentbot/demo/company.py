"""Who works at the demo's company, what they run, and what breaks there. Only data."""

from dataclasses import dataclass

from incidentbot.users.models import Role

# name, role, Slack id. Those with an id are in the sandbox's workspace too.
PEOPLE: tuple[tuple[str, Role, str | None], ...] = (
    ("Ada Winter", Role.ADMIN, "U0ADA0000A"),
    ("Grace Okafor", Role.RESPONDER, "U0GRACE00A"),
    ("Linus Berg", Role.RESPONDER, "U0LINUS00A"),
    ("Margaret Chen", Role.VIEWER, "U0MARGARET"),
    ("Ken Alvarez", Role.RESPONDER, "U0KEN0000A"),
    ("Priya Nair", Role.ADMIN, "U0PRIYA00A"),
    *(
        (name, Role.RESPONDER, None)
        for name in (
            "Tomás Herrera", "Yuki Tanaka", "Amara Diallo", "Jonas Keller", "Leila Haddad",
            "Sofia Rossi", "Daniel Kim", "Ingrid Solheim", "Rafael Costa", "Mei Lin",
            "Oluwaseun Adeyemi", "Hannah Fischer", "Arjun Mehta", "Chloé Laurent", "Marek Nowak",
            "Zainab Yusuf", "Peter Novák", "Elena Petrova", "Samuel Osei", "Niamh Byrne",
            "Farid Rahimi", "Camila Duarte", "Lars Jensen", "Aisha Khan", "Viktor Horváth",
            "Ruth Goldberg", "Diego Morales", "Anh Nguyen",
        )
    ),
    *(
        (name, Role.VIEWER, None)
        for name in (
            "Olivia Hart", "George Papadopoulos", "Fatima Zahra", "William Grant",
            "Julia Schneider", "Thandi Mokoena",
        )
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Story:
    """One way in which a service breaks: what is seen, found, done, and left to do.

    `share` weighs P1 to P4. Braces are filled in: {percent}, {region}, {release}, {count}.
    """

    title: str
    summary: str
    found: str
    mending: str
    solved: str
    to_do: tuple[str, ...]
    share: tuple[int, int, int, int] = (3, 18, 46, 33)


@dataclass(frozen=True)
class DemoService:
    """A service, its owners by name, how often it breaks beside others, and its stories."""

    slug: str
    name: str
    owners: tuple[str, ...]
    weight: int
    stories: tuple[Story, ...]


SERVICES = (
    DemoService(
        "payments",
        "Payments",
        ("Grace Okafor", "Tomás Herrera", "Mei Lin"),
        13,
        (
            Story(
                "Card payments declined in {region}",
                "About {percent}% of card payments fail since release {release}.",
                "The new gateway client drops idle connections after 60 seconds.",
                "Rolling back to the release before; declines are falling.",
                "Rolled back {release}. Declines are back to normal for 20 minutes.",
                (
                    "Keep gateway connections alive below the provider's idle limit",
                    "Alert on the share of declined payments, not on their number",
                    "Add a canary step to the payments pipeline",
                ),
                (12, 35, 35, 18),
            ),
            Story(
                "Refunds stuck in the queue",
                "{count} refunds wait for more than an hour; support hears of it.",
                "One malformed refund blocks its partition of the queue.",
                "The malformed refund is parked by hand; the queue drains.",
                "The queue is empty and every refund was sent once.",
                (
                    "Park messages that fail three times",
                    "Show the age of the oldest refund on the dashboard",
                ),
            ),
            Story(
                "Duplicate charges after a provider timeout",
                "{count} customers were charged twice between 09:10 and 09:40 UTC.",
                "Retries were sent without the idempotency key after a timeout.",
                "Retries are switched off; the second charges are being refunded.",
                "Refunds sent to everyone concerned, and retries carry the key again.",
                (
                    "Refuse to send a charge without an idempotency key",
                    "Write to the customers who were charged twice",
                    "Run the provider's timeout test in CI",
                ),
                (20, 45, 30, 5),
            ),
            Story(
                "Invoices show the wrong tax rate",
                "Invoices from {region} show last year's rate.",
                "The rate table was not reloaded at midnight.",
                "The table is reloaded; invoices are being made anew.",
                "{count} invoices were corrected and sent again.",
                ("Check the rate table's age in the health check",),
                (0, 6, 54, 40),
            ),
        ),
    ),
    DemoService(
        "checkout",
        "Checkout",
        ("Ken Alvarez", "Sofia Rossi", "Daniel Kim"),
        12,
        (
            Story(
                "Checkout returns 500 for {percent}% of customers",
                "Customers see an error page after they enter their address.",
                "The address service answers with a field that we do not know.",
                "The unknown field is ignored by a hotfix, which is rolling out.",
                "Hotfix {release} is live everywhere; no error for 30 minutes.",
                (
                    "Ignore unknown fields in answers of other services",
                    "Contract test with the address service",
                ),
                (14, 36, 34, 16),
            ),
            Story(
                "Vouchers are not applied",
                "Voucher codes are accepted but the price stays the same.",
                "A flag was switched on for everyone instead of {percent}%.",
                "The flag is off again; carts are being recalculated.",
                "Prices are right again. {count} orders were corrected by support.",
                ("Ask for a second pair of eyes on flags of the checkout",),
            ),
            Story(
                "Cart page slow for signed-in customers",
                "The cart takes more than 6 seconds at the 95th percentile.",
                "A missing index on saved items; it grew over the threshold today.",
                "The index is being built without a lock.",
                "The cart takes 400 ms again.",
                ("Test the cart's queries with the size of production",),
                (1, 12, 52, 35),
            ),
        ),
    ),
    DemoService(
        "search",
        "Search",
        ("Priya Nair", "Yuki Tanaka", "Anh Nguyen"),
        9,
        (
            Story(
                "Search results lag behind by hours",
                "New products appear in search only after {count} minutes.",
                "One indexer node ran out of disk and the others wait for it.",
                "The node is replaced; the index is catching up.",
                "The index is up to date.",
                (
                    "Alert on the index's lag",
                    "Let the other indexers go on when one is missing",
                ),
                (1, 12, 52, 35),
            ),
            Story(
                "Search times out in {region}",
                "Every search there ends with a timeout after 10 seconds.",
                "A shard has lost both copies after the node upgrade.",
                "The shard is being restored; traffic goes to the other region.",
                "All shards are there again and traffic is back.",
                ("Never upgrade two nodes of one shard at once",),
                (6, 30, 42, 22),
            ),
            Story(
                "Filters show no results",
                "The size filter finds nothing since {release}.",
                "The field was renamed in the index but not in the query.",
                "The old name works again as an alias.",
                "Filters work; the alias stays until the next release.",
                ("Search for known products after each release",),
            ),
        ),
    ),
    DemoService(
        "accounts",
        "Accounts",
        ("Linus Berg", "Leila Haddad", "Samuel Osei"),
        9,
        (
            Story(
                "Sign-in fails for customers with two-factor",
                "Codes are refused as expired for {percent}% of them.",
                "The clock of two nodes is 90 seconds behind.",
                "The nodes are taken out; sign-in works.",
                "The clocks are right, and all nodes are back.",
                ("Alert when a node's clock is off by more than a second",),
                (8, 34, 38, 20),
            ),
            Story(
                "Password reset mails arrive late",
                "Reset mails take up to {count} minutes.",
                "The mail provider slows us down after last night's campaign.",
                "Reset mails go through a queue and address of their own.",
                "Mails arrive within seconds.",
                (
                    "Keep campaigns apart from transactional mail",
                    "Measure the time until a mail has left",
                ),
                (0, 8, 52, 40),
            ),
            Story(
                "Sessions end after a minute",
                "Customers are signed out again and again.",
                "The session store evicts keys: its memory is full.",
                "Memory is doubled and old sessions are dropped.",
                "Sessions last again.",
                ("Alert on evictions of the session store",),
            ),
        ),
    ),
    DemoService(
        "website",
        "Website",
        ("Chloé Laurent", "Arjun Mehta", "Hannah Fischer"),
        10,
        (
            Story(
                "Home page without images in {region}",
                "Images answer with 403 from the CDN.",
                "A rule against hot-linking matches our own domain.",
                "The rule is off; caches are being purged.",
                "Images are there again.",
                ("Try CDN rules on the staging domain first",),
            ),
            Story(
                "Certificate of the blog has run out",
                "Browsers warn before they open the blog.",
                "The renewal job was switched off with the old cluster.",
                "A certificate was issued by hand.",
                "The new certificate is live, and renewed by the new cluster.",
                ("Watch every certificate's last day from outside",),
                (2, 20, 48, 30),
            ),
            Story(
                "Cookie banner cannot be closed on phones",
                "The button lies below the screen's edge since {release}.",
                "A style of the new footer reaches the banner.",
                "A fix is in review.",
                "Release after {release} is live; the banner closes.",
                ("Screenshot tests at 390 pixels",),
                (0, 3, 40, 57),
            ),
        ),
    ),
    DemoService(
        "orders",
        "Orders",
        ("Amara Diallo", "Jonas Keller"),
        8,
        (
            Story(
                "Orders are not sent to the warehouse",
                "{count} orders wait since the nightly job.",
                "The warehouse has changed its address book without telling us.",
                "The mapping is corrected; orders are being sent.",
                "Every order was sent; none was lost.",
                (
                    "Alert when no order was sent for 15 minutes",
                    "Agree with the warehouse on a notice of changes",
                ),
                (5, 27, 45, 23),
            ),
            Story(
                "Order history is empty for some customers",
                "Customers whose account was merged see no orders.",
                "The merge moved the orders but not their index entries.",
                "The entries are being made anew for {count} customers.",
                "Order histories are complete.",
                ("Check the index at the end of a merge",),
                (0, 8, 52, 40),
            ),
            Story(
                "Order confirmation sent twice",
                "{count} customers got their confirmation two times.",
                "Two workers took the same job after a failover.",
                "The queue is limited to one worker for now.",
                "The lock holds across a failover again.",
                ("Make sending a confirmation idempotent",),
                (0, 4, 48, 48),
            ),
        ),
    ),
    DemoService(
        "warehouse",
        "Warehouse link",
        ("Rafael Costa", "Ingrid Solheim"),
        6,
        (
            Story(
                "Stock levels are not updated",
                "Products sold out are still offered; {count} oversold so far.",
                "The feed's file was empty and we took it for news.",
                "The last good file is loaded.",
                "Stock is right again; an empty file is now refused.",
                ("Refuse a feed that shrinks by more than half",),
            ),
            Story(
                "Labels print without a barcode",
                "Packing is stopped in one hall.",
                "A font is missing on the new print server.",
                "Printing goes through the old server.",
                "The font is installed and labels are fine.",
                ("Put the print server under configuration management",),
                (1, 14, 50, 35),
            ),
        ),
    ),
    DemoService(
        "mobile",
        "Mobile apps",
        ("Niamh Byrne", "Diego Morales", "Aisha Khan"),
        8,
        (
            Story(
                "App crashes at start after the update",
                "Version {release} crashes for {percent}% on older phones.",
                "A library calls an API that these phones do not have.",
                "The roll-out is stopped; a fixed version is in the store's review.",
                "The fixed version is out, and crashes are down to nothing.",
                ("Test on the oldest phone that we support",),
                (6, 32, 40, 22),
            ),
            Story(
                "Push messages arrive hours late",
                "Delivery messages come after the parcel.",
                "The token clean-up runs against the provider's limit.",
                "The clean-up is paused.",
                "Messages arrive at once.",
                ("Spread the token clean-up over the night",),
                (0, 6, 44, 50),
            ),
        ),
    ),
    DemoService(
        "data",
        "Data platform",
        ("Elena Petrova", "Viktor Horváth", "Zainab Yusuf"),
        8,
        (
            Story(
                "Yesterday's numbers are missing in the reports",
                "Finance sees no revenue for yesterday.",
                "The nightly load failed on a column that grew.",
                "The load runs again with a wider column.",
                "Reports are complete.",
                ("Tell the owner of a report when its load fails",),
                (0, 5, 45, 50),
            ),
            Story(
                "Event stream {count} minutes behind",
                "Recommendations and fraud checks work on old data.",
                "One consumer group rebalances without end.",
                "The group is restarted with a fixed membership.",
                "The stream is up to date.",
                ("Alert on the lag by consumer group",),
                (2, 20, 48, 30),
            ),
        ),
    ),
    DemoService(
        "platform",
        "Platform",
        ("Marek Nowak", "Lars Jensen", "Oluwaseun Adeyemi"),
        10,
        (
            Story(
                "Deploys are stuck",
                "No release leaves the pipeline for {count} minutes.",
                "The artefact store refuses uploads: its disk is full.",
                "Old artefacts are being deleted.",
                "Deploys run again.",
                ("Delete artefacts after 90 days", "Alert at 80% of the disk"),
                (0, 10, 55, 35),
            ),
            Story(
                "Nodes in {region} not ready",
                "A third of the nodes dropped out; pods are moving.",
                "A kernel update restarts them all at once.",
                "The update is stopped; nodes come back one after another.",
                "All nodes are ready.",
                ("Limit how many nodes restart at once", "Try updates in staging for a day"),
                (10, 36, 36, 18),
            ),
            Story(
                "DNS answers slowly inside the cluster",
                "Calls between services take {count} ms longer at times.",
                "The resolver's cache is too small for the new services.",
                "The cache is larger on half of the nodes.",
                "All nodes have the larger cache; latency is normal.",
                ("Show the resolver's hit rate on the dashboard",),
                (1, 16, 50, 33),
            ),
        ),
    ),
    DemoService(
        "support",
        "Support tools",
        ("Ruth Goldberg", "Farid Rahimi"),
        4,
        (
            Story(
                "Agents cannot open customer records",
                "The record page answers with 403 for the evening shift.",
                "A group was renamed in the directory.",
                "The group's old name is allowed again.",
                "All agents can open records.",
                ("Refer to groups by id, not by name",),
                (0, 10, 50, 40),
            ),
            Story(
                "Chat shows no history",
                "Agents see only the newest message.",
                "The archive's index is read-only after a restart.",
                "The index is being switched back.",
                "History is there.",
                ("Check that the archive takes writes after a restart",),
                (0, 4, 46, 50),
            ),
        ),
    ),
    DemoService(
        "security",
        "Security",
        ("Camila Duarte", "Peter Novák"),
        3,
        (
            Story(
                "Many sign-in attempts from one network",
                "{count} attempts a minute on the admin pages.",
                "Passwords from an old leak are being tried; none fits so far.",
                "The network is blocked and sign-in asks for a second factor.",
                "The attempts have ended. No account was opened.",
                ("Require the second factor on all admin pages",),
                (4, 30, 46, 20),
            ),
            Story(
                "Access key found in a public repository",
                "A key of the build system was public for {count} minutes.",
                "The key was used from our own addresses only.",
                "The key is revoked; new ones are being rolled out.",
                "All keys are replaced, and nothing was read.",
                ("Scan commits for keys before they are pushed", "Give build keys a life of a day"),
                (10, 50, 30, 10),
            ),
        ),
    ),
)

PRIVATE_SERVICE = "security"
REGIONS = ("Europe", "North America", "Asia", "South America", "Germany", "the UK")
UPDATES = (
    "Still looking. Error rates are unchanged.",
    "We have compared the graphs with last week's; the change begins at the release.",
    "The provider confirms a problem on their side. Next update when we hear more.",
    "Impact is the same; support has a text for customers.",
    "Two of us are on it, one reads logs, one tries to reproduce it.",
    "We have reproduced it in staging.",
    "Numbers are going down slowly, about half of what it was.",
)
NOTES = (
    "Dashboard of the last hour is linked in the channel.",
    "Customer care has 14 tickets about this so far.",
    "The release calendar shows nothing else for today.",
)
REOPENED = (
    "It is back: the same errors on two nodes.",
    "Customers report it again, and the graph agrees.",
)
CANCELLED = (
    "False alarm: the test environment was reported.",
    "The alert's threshold was wrong; customers saw nothing.",
    "The same as the incident before; going on there.",
)
TAKEOVERS = (
    "The commander is on a plane.",
    "No answer for 20 minutes, by phone neither.",
)
ESCALATED = "More customers are hit than we thought."
LOWERED = "There is a way around it, and fewer are hit."
WENT_WELL = "The alert came before the first customer wrote. Rolling back took four minutes."
LESSONS = "We looked at our own release for too long before we looked at the provider's page."
