"""Every number that is promised of deliveries, where it stands, and the test that would notice.

``python -m tests.delivery.mutate_numbers`` changes each in a copy and sees its test fail.
"""

from typing import NamedTuple


class Number(NamedTuple):
    """A number: ``text`` stands once in the file, ``other`` is what it must not become."""

    promise: str
    file: str
    text: str
    other: str
    test: str


_SETTINGS = "settings.py"
_HERE = "delivery/test_numbers.py::"
_HTTP = "delivery/test_http_client.py::"
_SENDER = "delivery/test_sender.py::"
_RESOLVER = "delivery/test_resolver.py::"
_LANES = "unit/test_lanes.py::"
_REFUSALS = "api/test_refusals.py::"
_EXAMPLE = "unit/test_settings.py::test_the_example_file_has_every_setting_with_its_default"
_SCHEDULE = "unit/test_settings.py::test_a_schedule_has_at_most_twenty_delays_of_at_most_a_week"
_WRONG_FIELD = f"{_REFUSALS}test_a_wrong_field_of_a_webhook_is_refused_at_creation_and_change"

# fmt: off
NUMBERS = (
    # an attempt
    Number("15 s for a whole attempt", _SETTINGS, "timeout: Seconds = 15", "timeout: Seconds = 16",
           f"{_HERE}test_an_attempt_has_fifteen_seconds"),
    Number("an answer after 5 s is slow", _SETTINGS, "slow_after: Seconds = 5",
           "slow_after: Seconds = 6", f"{_HERE}test_an_answer_is_slow_after_five_seconds"),
    Number("16 KiB of an answer are read", "delivery/http_answer.py",
           "MAX_BODY_BYTES = 16_384", "MAX_BODY_BYTES = 16_385",
           f"{_HTTP}test_a_longer_answer_counts_and_ends_the_connection"),
    Number("4 KiB of it are kept", "delivery/http_answer.py", "KEPT_BODY_BYTES = 4096",
           "KEPT_BODY_BYTES = 4097",
           f"{_HTTP}test_a_longer_answer_counts_and_ends_the_connection"),
    Number("64 KiB of head", "delivery/http_answer.py", "MAX_HEAD_BYTES = 65_536",
           "MAX_HEAD_BYTES = 65_537", f"{_HTTP}test_the_bound_of_the_head_is_exact"),
    Number("8 interim answers", "delivery/http_answer.py", "MAX_INTERIM = 8",
           "MAX_INTERIM = 9", f"{_HTTP}test_what_is_not_http_is_a_bad_response"),
    Number("a connection is used for 60 s", "delivery/connections.py", "MAX_AGE = 60.0",
           "MAX_AGE = 61.0",
           f"{_SENDER}test_a_connection_is_used_for_sixty_seconds_and_no_longer"),
    Number("4 addresses of a host are tried", "delivery/dialer.py", "MAX_ADDRESSES = 4",
           "MAX_ADDRESSES = 5", f"{_SENDER}test_no_more_than_four_addresses_are_tried"),
    Number("DNS answers are used for 30 s", "delivery/resolver.py", "ANSWER_SECONDS = 30.0",
           "ANSWER_SECONDS = 31.0", f"{_RESOLVER}test_an_answer_is_used_for_thirty_seconds"),
    Number("failures for 5 s", "delivery/resolver.py", "FAILURE_SECONDS = 5.0",
           "FAILURE_SECONDS = 6.0", f"{_RESOLVER}test_a_failure_is_remembered_for_five_seconds"),
    Number("2 unanswered look-ups for a lane", "delivery/resolver.py", "UNANSWERED_PER_LANE = 2",
           "UNANSWERED_PER_LANE = 3",
           f"{_RESOLVER}test_a_lane_has_at_most_two_look_ups_without_an_answer"),
    # outcomes
    Number("retries after 5, 25, 125 s", _SETTINGS, "(5, 25, 125)", "(5, 25, 126)",
           "delivery/test_scheduler.py"
           "::test_retries_follow_the_schedule_to_the_millisecond_and_end_with_it"),
    Number("20 delays in the settings", _SETTINGS, "Field(max_length=20)] = (5",
           "Field(max_length=21)] = (5", _SCHEDULE),
    Number("of 7 days each", _SETTINGS, "_WEEK = 7 * 24 * 3600", "_WEEK = 7 * 24 * 3600 + 1",
           _SCHEDULE),
    Number("20 delays for a webhook", "api/webhook_schemas.py", "MAX_DELAYS: Final = 20",
           "MAX_DELAYS: Final = 21", _WRONG_FIELD),
    Number("of 7 days each", "api/webhook_schemas.py", "MAX_DELAY: Final = 7 * 24 * 3600",
           "MAX_DELAY: Final = 7 * 24 * 3600 + 1", _WRONG_FIELD),
    Number("Retry-After of an hour at most", "domain/retry.py", "MAX_RETRY_AFTER = 3600.0",
           "MAX_RETRY_AFTER = 3601.0",
           "unit/test_retry.py::test_retry_after_puts_the_next_attempt_off_by_an_hour_at_most"),
    # lanes
    Number("256 slots", _SETTINGS, "max_in_flight: PositiveCount = 256",
           "max_in_flight: PositiveCount = 254",
           f"{_HERE}test_new_endpoints_together_hold_half_of_the_slots"),
    Number("half of them for suspects", "delivery/lanes.py", "limits.slots // 2",
           "limits.slots // 3", f"{_LANES}test_suspects_together_hold_at_most_half_of_the_slots"),
    Number("32 in flight for a webhook", _SETTINGS,
           "max_in_flight_per_webhook: PositiveCount = 32",
           "max_in_flight_per_webhook: PositiveCount = 33",
           f"{_HERE}test_a_proven_endpoint_has_thirty_two_requests_in_flight"),
    Number("2 for a cold one", "delivery/lane.py", "COLD_WINDOW = 2", "COLD_WINDOW = 3",
           f"{_LANES}test_a_cold_lane_has_two_requests_in_flight_in_the_order_of_its_deliveries"),
    Number("a success doubles them", "delivery/lane.py", "self._window * 2", "self._window * 3",
           f"{_LANES}test_every_success_doubles_the_window_up_to_the_cap"),
    Number("5 failures throttle", "delivery/lane.py", "THROTTLE_AFTER = 5", "THROTTLE_AFTER = 6",
           f"{_LANES}test_the_fifth_failure_in_a_row_throttles"),
    Number("probes double their distance", "delivery/lane.py", "self._probe_gap * 2",
           "self._probe_gap * 3",
           f"{_LANES}test_probes_are_spaced_by_the_first_delay_doubling_up_to_the_longest"),
    # disabling and alerts
    Number("10 failed deliveries", _SETTINGS, "disable_after_failures: PositiveCount = 10",
           "disable_after_failures: PositiveCount = 11", _EXAMPLE),
    Number("and 24 hours", _SETTINGS, "disable_after: Count = 86_400",
           "disable_after: Count = 86_401", _EXAMPLE),
    Number("half-way of the count", "domain/disabling.py",
           "2 * failed_deliveries >= rule.failures", "3 * failed_deliveries >= rule.failures",
           "unit/test_disabling.py::test_both_the_count_and_the_age_have_to_be_reached"),
    Number("half-way of the time", "domain/disabling.py", "2 * age >= rule.after_ms",
           "3 * age >= rule.after_ms",
           "unit/test_disabling.py::test_both_the_count_and_the_age_have_to_be_reached"),
    Number("alerts are tried again after 1, 5, 30 min, 2 h", "usecases/alerts.py",
           "(60, 300, 1800, 7200)", "(60, 300, 1800, 7202)",
           "outbound/test_alerting.py"
           "::test_after_five_tries_it_is_given_up_with_an_error_in_the_log"),
    Number("alerts are kept for 30 days", "store/alerts.py", "30 * 24 * 3_600_000",
           "31 * 24 * 3_600_000", "outbound/test_alerting.py"
           "::test_alerts_are_kept_for_thirty_days_and_go_with_all_that_was_noted"),
    Number("a mail a minute", "outbound/alerting.py", "pause: float = 60.0", "pause: float = 61.0",
           "outbound/test_alert_ways.py::test_mail_comes_from_the_setting_or_from_our_domain"),
    # secrets
    Number("secrets of 32 random bytes", "domain/signing.py", "_NEW_SECRET_BYTES = 32",
           "_NEW_SECRET_BYTES = 33",
           "unit/test_signing.py::test_a_new_secret_is_whsec_and_32_random_bytes"),
    Number("a day of overlap", "api/webhook_schemas.py", "DEFAULT_GRACE: Final = 24 * 3600",
           "DEFAULT_GRACE: Final = 24 * 3601",
           "api/test_secrets.py::test_a_secret_is_rotated_with_a_day_of_overlap"),
    Number("30 days of it at most", "api/webhook_schemas.py", "MAX_GRACE: Final = 30 * 24 * 3600",
           "MAX_GRACE: Final = 30 * 24 * 3600 + 1",
           "api/test_secrets.py::test_a_grace_that_makes_no_sense_is_refused"),
    Number("5 former secrets", "usecases/endpoints.py", "MAX_PREVIOUS_SECRETS = 5",
           "MAX_PREVIOUS_SECRETS = 6",
           "api/test_secrets.py::test_too_many_overlapping_secrets_are_a_conflict"),
    # what is kept, and lists
    Number("events for 30 days", _SETTINGS, "events: Count = 2_592_000",
           "events: Count = 2_592_001", _EXAMPLE),
    Number("idempotent requests for 24 h", "store/idempotent_requests.py",
           "KEPT_FOR_MS = 24 * 3600", "KEPT_FOR_MS = 24 * 3601",
           "usecases/test_retention.py::test_idempotent_requests_are_forgotten_after_a_day"),
    Number("10 attempts unless told otherwise", "api/webhooks.py", "limit: Limit = 10",
           "limit: Limit = 11",
           "api/test_webhooks.py::test_ten_attempts_are_shown_unless_more_are_asked_for"),
    Number("100 of a list unless told otherwise", "store/page.py", "DEFAULT_LIMIT = 100",
           "DEFAULT_LIMIT = 101", f"{_HERE}test_a_list_has_a_hundred_and_at_most_five_hundred"),
    Number("500 at most", "store/page.py", "MAX_LIMIT = 500", "MAX_LIMIT = 499",
           f"{_HERE}test_a_list_has_a_hundred_and_at_most_five_hundred"),
    # the stream
    Number("a sign of life after 15 s", "usecases/tail.py", "QUIET_SECONDS: Final = 15.0",
           "QUIET_SECONDS: Final = 16.0",
           "api/test_stream.py::test_a_quiet_stream_says_that_it_is_alive"),
)
# fmt: on
