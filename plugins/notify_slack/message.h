/* A notice as Slack's incoming webhooks take it, and those who do as Slack (Mattermost, Rocket.Chat ...):
 * https://api.slack.com/reference/messaging/attachments */
#ifndef PL_NOTIFY_SLACK_MESSAGE_H
#define PL_NOTIFY_SLACK_MESSAGE_H

#include "base/buf.h"
#include "pipeline/plugin.h"

struct pl_slack_look {
	const char *channel, *username, *icon_emoji; /* empty: as the webhook was set up */
};

/* Appends the JSON object. Of very many events the first are shown. */
void pl_slack_message_add(struct pl_buf *out, const struct pl_notice *n, const struct pl_slack_look *look);

#endif
