/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A forwarded ssh-agent behind the other door. nsshell(1) stays outside, as the user, and hands
 * what arrives at a socket of the box on to that of the login program: bytes that it doesn't look
 * at. The box gets no file descriptor of outside.
 */
#pragma once

#include <sys/types.h>

/**
 * agent_of_login() - Who listens at the agent socket of the login that we are part of
 * @path:	SSH_AUTH_SOCK, or NULL
 *
 * It must be of our own uid, and our parent or its: what else the account may run outside, or
 * another's daemon that it may talk to, is no business of a box's. Return: its pid, or 0.
 */
pid_t agent_of_login(const char *path);

/**
 * agent_serve() - Serve a socket of the box's, from a child that ends with us
 * @listener:	bound inside, sooner or later
 * @path:	SSH_AUTH_SOCK
 * @who:	agent_of_login(): no other process is talked to
 *
 * At most 16 connections at a time; there is nothing to say where it fails.
 */
void agent_serve(int listener, const char *path, pid_t who);
