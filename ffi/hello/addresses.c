#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "hello.h"

static unsigned prefix_length(const struct sockaddr *mask)
{
	const unsigned char *bytes;
	unsigned size;
	unsigned bits = 0;
	if (mask == NULL)
		return 0;
	if (mask->sa_family == AF_INET) {
		bytes = (const unsigned char *)&((const struct sockaddr_in *)(const void *)mask)->sin_addr;
		size = 4;
	} else {
		bytes = (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr;
		size = 16;
	}
	for (unsigned i = 0; i < size; i++)
		bits += (unsigned)__builtin_popcount(bytes[i]);
	return bits;
}

static void show_address(const struct ifaddrs *interface)
{
	char text[INET6_ADDRSTRLEN];
	const void *address;
	if (interface->ifa_addr->sa_family == AF_INET)
		address = &((const struct sockaddr_in *)(const void *)interface->ifa_addr)->sin_addr;
	else
		address = &((const struct sockaddr_in6 *)(const void *)interface->ifa_addr)->sin6_addr;
	if (inet_ntop(interface->ifa_addr->sa_family, address, text, sizeof(text)) == NULL)
		return;
	label("address");
	printf("%s %s/%u%s\n", interface->ifa_name, text, prefix_length(interface->ifa_netmask),
	       (interface->ifa_flags & IFF_UP) != 0 ? "" : " (down)");
}

void show_addresses(void)
{
	struct ifaddrs *all;
	unsigned shown = 0;
	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
		if (at->ifa_addr == NULL || (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
			continue;
		show_address(at);
		shown++;
	}
	freeifaddrs(all);
	if (shown == 0) {
		label("address");
		printf("none\n");
	}
}
