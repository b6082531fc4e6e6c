"""Which test proves which attack of the catalogue, as far as three subgraphs reach."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
WANTED = {f"A{number}" for number in (*range(1, 40), 48, 52, 53, 56, 57)}
"""The rows of this milestone; the others belong to subgraphs that are yet to come."""

HERE = "tests/security/"
ROWS: dict[str, tuple[str, ...]] = {
    "A1": (f"{HERE}test_subgraph_doors.py::test_without_a_proof_nothing_is_answered",),
    "A2": (
        f"{HERE}test_subgraph_doors.py::test_without_a_proof_nothing_is_answered",
        "tests/conformance/test_refusals.py::test_a_bad_document_is_refused_with_its_code",
    ),
    "A3": (
        f"{HERE}test_subgraph_doors.py::"
        "test_what_a_reference_claims_besides_its_key_is_not_believed",
    ),
    "A4": (f"{HERE}test_subgraph_doors.py::test_no_field_relies_on_being_inaccessible",),
    "A5": (
        f"{HERE}test_forged_headers.py::test_nobody_becomes_somebody_by_saying_so",
        f"{HERE}test_forged_headers.py::test_the_proof_of_a_gateway_is_worth_nothing_outside",
        f"{HERE}test_forged_headers.py::test_connection_init_carries_a_token_and_nothing_else",
        f"{HERE}test_subgraph_doors.py::test_identity_headers_of_ones_own_invention_say_nothing",
        "tests/infra/test_edge.py::"
        "test_the_address_of_the_client_is_the_peers_and_no_proof_comes_from_outside",
    ),
    # Refused once a minute has passed: see 0006 for what a replay within it can do.
    "A6": (
        f"{HERE}test_subgraph_doors.py::test_an_old_altered_or_foreign_proof_is_none",
        f"{HERE}test_subgraph_doors.py::test_a_socket_needs_a_proof_too",
        "tests/kernel/test_gateway_proofs.py::test_a_proof_that_is_old_or_from_the_future_is_none",
    ),
    "A7": (
        f"{HERE}test_throttling.py::test_a_hundred_forged_addresses_share_one_bucket",
        f"{HERE}test_forged_headers.py::test_a_login_is_recorded_with_the_address_of_the_real_peer",
    ),
    "A8": (
        f"{HERE}test_foreign_ids.py::test_a_foreign_reference_tells_a_stranger_nothing",
        f"{HERE}test_foreign_ids.py::test_a_foreign_id_through_the_gateway_finds_nothing",
        f"{HERE}test_foreign_mutations.py::test_no_mutation_touches_what_is_foreign",
        f"{HERE}test_foreign_mutations.py::test_no_mutation_lets_a_foreign_id_in_among_ones_own",
    ),
    "A9": (
        f"{HERE}test_paths.py::test_the_text_of_a_lesson_is_for_the_enrolled_on_every_path",
        f"{HERE}test_paths.py::test_an_address_is_for_its_owner_and_admins_on_every_path",
        f"{HERE}test_paths.py::test_the_verdict_is_the_same_by_reference",
        "tests/courses/test_content.py::test_every_path_gives_the_same_answer",
    ),
    "A10": ("tests/architecture/test_schemas.py::test_the_schema_keeps_the_rule",),
    "A11": (f"{HERE}test_tenants.py::test_no_query_crosses_over",),
    "A12": (
        f"{HERE}test_introspection.py::test_introspection_is_off_over_http_and_sockets",
        f"{HERE}test_introspection.py::test_introspection_is_off_behind_the_gateway_too",
        f"{HERE}test_introspection.py::test_the_endpoint_is_no_explorer",
        "tests/journeys/test_graphiql.py::test_a_newcomer_browses_logs_in_and_follows_progress",
    ),
    "A13": (
        f"{HERE}test_introspection.py::"
        "test_a_typo_is_not_corrected_for_whom_does_not_know_the_schema",
    ),
    **dict.fromkeys(
        ("A14", "A15", "A16", "A17", "A18"),
        (
            f"{HERE}test_limits.py::test_a_hostile_document_is_refused_in_20_ms",
            f"{HERE}test_limits.py::test_hostile_documents_are_refused_on_a_socket_which_goes_on",
            f"{HERE}test_limits.py::test_a_document_of_many_logins_tries_none_of_them",
            f"{HERE}test_subgraph_doors.py::test_the_limits_of_documents_hold_without_the_gateway",
            "tests/load/test_refusals.py::test_refusing_costs_no_more_than_a_few_large_documents",
            "tests/gateway/test_limits.py::test_a_hostile_document_is_refused_within_20_ms",
        ),
    ),
    "A19": (f"{HERE}test_limits.py::test_operations_come_one_at_a_time",),
    "A20": (
        f"{HERE}test_limits.py::test_a_page_has_1_to_100_items_wherever_it_is",
        f"{HERE}test_limits.py::test_a_page_beyond_an_integer_is_a_bad_value",
    ),
    "A21": (
        f"{HERE}test_throttling.py::test_a_bucket_drains_says_so_and_fills_again",
        "tests/kernel/test_buckets.py::test_a_bucket_fills_again_when_its_minute_is_over",
    ),
    "A22": (
        f"{HERE}test_limits.py::test_a_body_of_30_megabytes_is_refused_at_the_edge",
        f"{HERE}test_limits.py::test_what_the_edge_lets_pass_the_gateway_bounds_to_a_mebibyte",
        f"{HERE}test_limits.py::test_headers_are_bounded_at_the_edge",
    ),
    "A23": (f"{HERE}test_subgraph_doors.py::test_only_as_many_references_as_a_page_has_are_taken",),
    "A24": (
        f"{HERE}test_logs.py::test_a_bad_request_writes_at_most_two_kilobytes",
        f"{HERE}test_logs.py::test_no_value_of_a_client_begins_a_line_of_its_own",
    ),
    "A25": (
        f"{HERE}test_cross_site.py::test_what_needs_no_preflight_changes_nothing",
        f"{HERE}test_cross_site.py::test_a_page_of_another_site_is_refused",
        f"{HERE}test_cross_site.py::test_there_is_no_cookie_that_a_browser_could_add",
    ),
    "A26": (f"{HERE}test_cross_site.py::test_what_needs_no_preflight_changes_nothing",),
    "A27": (f"{HERE}test_cross_site.py::test_a_page_of_another_site_opens_no_socket",),
    "A28": (
        f"{HERE}test_cross_site.py::test_a_socket_that_does_not_introduce_itself_is_closed",
        f"{HERE}test_cross_site.py::test_the_legacy_protocol_is_not_spoken",
    ),
    "A29": (
        f"{HERE}test_sockets.py::test_a_socket_ends_with_the_session_that_opened_it",
        f"{HERE}test_sockets.py::test_a_socket_ends_when_its_token_expires",
        f"{HERE}test_sockets.py::test_a_stream_of_events_ends_with_its_session",
        f"{HERE}test_sockets.py::test_a_silent_socket_of_a_revoked_session_asks_in_vain",
    ),
    "A30": (
        f"{HERE}test_sockets.py::test_nobody_follows_the_progress_of_others",
        f"{HERE}test_sockets.py::test_who_is_unenrolled_gets_no_further_event",
        f"{HERE}test_sockets.py::test_an_instructor_who_is_dismissed_sees_no_further_event",
    ),
    "A31": (
        f"{HERE}test_sockets.py::test_a_socket_runs_at_most_twenty_operations",
        f"{HERE}test_sockets.py::test_a_user_holds_a_limited_number_of_sockets",
    ),
    "A32": (
        f"{HERE}test_forged_tokens.py::test_no_forged_token_lets_anyone_in",
        f"{HERE}test_forged_tokens.py::test_a_forged_token_on_a_socket_lets_nobody_in",
        "tests/kernel/test_tokens.py::test_only_our_algorithm_type_and_key_count",
    ),
    "A33": (f"{HERE}test_forged_tokens.py::test_keys_rotate_under_load_without_one_refusal",),
    "A34": (
        f"{HERE}test_sessions.py::test_a_reused_refresh_token_ends_its_family_within_a_second",
        f"{HERE}test_sessions.py::test_a_reused_refresh_token_ends_that_family_alone_and_is_told_of",
        f"{HERE}test_sessions.py::test_two_tabs_that_refresh_at_once_both_go_on",
    ),
    "A35": (
        f"{HERE}test_forged_tokens.py::"
        "test_a_stolen_access_token_lives_ten_minutes_or_until_it_is_revoked",
    ),
    "A36": (
        f"{HERE}test_sessions.py::test_a_new_password_ends_the_other_sessions_and_keeps_this_one",
    ),
    "A37": (f"{HERE}test_logins.py::test_neither_answer_nor_time_tells_who_is_registered",),
    "A38": (
        f"{HERE}test_logins.py::test_guessing_at_one_account_is_slowed_down_and_its_owner_gets_in",
        f"{HERE}test_logins.py::test_a_siege_from_everywhere_leaves_the_owner_a_way_in",
        f"{HERE}test_logins.py::test_guesses_batched_in_one_document_count_one_by_one",
        f"{HERE}test_logins.py::test_stuffing_many_accounts_from_one_address_is_slowed_down",
    ),
    "A39": (
        f"{HERE}test_logins.py::test_a_flood_of_hashes_leaves_the_others_their_time",
        f"{HERE}test_logins.py::test_a_password_of_a_megabyte_costs_what_others_cost",
        "tests/users/test_login.py::test_a_flood_of_hashes_is_sent_away_before_it_fills_the_memory",
    ),
    "A48": (
        f"{HERE}test_stored_scripts.py::test_nothing_stored_runs_in_a_browser",
        f"{HERE}test_stored_scripts.py::test_plain_text_is_stored_as_it_is_and_shown_as_text",
        f"{HERE}test_stored_scripts.py::test_nothing_runs_in_what_a_search_finds",
        "tests/courses/test_markdown.py::test_nothing_of_the_corpus_survives",
    ),
    "A52": (
        f"{HERE}test_logs.py::test_no_secret_is_ever_logged",
        f"{HERE}test_traces.py::test_no_secret_is_ever_traced",
        f"{HERE}test_traces.py::test_a_fault_is_traced_without_the_secrets_in_its_text",
    ),
    "A53": (
        f"{HERE}test_error_leaks.py::test_a_fault_shows_an_id_and_nothing_else",
        f"{HERE}test_error_leaks.py::test_every_broken_field_of_an_entity_shows_an_id_and_nothing_else",
        f"{HERE}test_error_leaks.py::test_a_fault_in_a_subscription_is_hidden_too",
    ),
    # The chain; asking for the password once more before a privileged act comes with F133.
    "A56": (
        f"{HERE}test_audit_chain.py::test_no_row_changes_unseen",
        "tests/users/test_audit.py::test_a_changed_removed_or_moved_entry_is_found",
    ),
    "A57": (
        f"{HERE}test_sql_injection.py::test_text_is_never_sql",
        f"{HERE}test_sql_injection.py::test_keys_of_references_are_never_sql",
    ),
}
"""Row → the tests that prove it, as pytest names them."""


def found_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    }


def test_every_row_has_a_test() -> None:
    assert set(ROWS) == WANTED
    assert [row for row, tests in ROWS.items() if not tests] == []


def test_every_test_that_is_named_exists() -> None:
    named = {name for tests in ROWS.values() for name in tests}
    missing = [
        name
        for name in sorted(named)
        for file, _, test in [name.partition("::")]
        if not (ROOT / file).is_file() or test not in found_in(file)
    ]
    assert missing == []
